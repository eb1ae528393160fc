"""Layered graphs drawn from left to right as lines of text.

Used by the command `graph` and by the console's graph screen.
"""
