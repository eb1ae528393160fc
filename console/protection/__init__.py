"""Protection: whether changes are allowed now.

Used by the app, between verbs and control.
"""
