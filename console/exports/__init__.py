"""Exports: the rows of a list as a file."""
