"""Rows, graphs and texts drawn as plain text; no terminal library.

Used by the commands and the console; it imports only the model and the filters.
"""
