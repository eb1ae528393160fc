"""The life of the engine as the console steers it."""
