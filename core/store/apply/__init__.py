"""One file per kind of command: how it changes the rows, inside the journal's transaction."""
