"""Exports: the rows of a list as a file.

Used by the parts of list screens.
"""
