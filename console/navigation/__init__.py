"""Navigation: places by name, their history, and saved views.

Used by the shell and the screens.
"""
