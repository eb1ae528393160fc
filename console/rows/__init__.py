"""Rows: which rows a list holds, in which order, and how they look; nothing of the screen."""
