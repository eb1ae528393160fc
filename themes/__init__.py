"""Hold the colour themes, as TOML files, that the console offers."""
