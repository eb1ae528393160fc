"""Show the operator what the engine does, in the terminal."""
