"""Terminal: how keys come in and how cells go out."""
