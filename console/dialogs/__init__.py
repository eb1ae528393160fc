"""Dialogs: modal screens for questions, forms, menus and help.

Opened by the shell and by parts of screens.
"""
