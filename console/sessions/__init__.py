"""The sessions of the console: one for each kind of engine."""
