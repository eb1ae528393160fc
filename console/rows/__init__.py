"""Rows of lists: reading, order, columns and texts.

Used by the screens, their parts and the clipboard.
"""
