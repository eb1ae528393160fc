"""Protection: whether changes may be asked for now."""
