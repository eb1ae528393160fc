"""The terminal: how keys come in and cells go out."""
