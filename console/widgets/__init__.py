"""Widgets: they draw and post messages, without a control.

Used by the screens and the dialogs.
"""
