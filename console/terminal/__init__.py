"""The terminal: input of keys and output of cells.

Used by the app and the base of screens.
"""
