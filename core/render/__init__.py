"""Rows, graphs and texts drawn as plain text; no terminal library."""
