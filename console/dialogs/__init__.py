"""Dialogs: what is asked or shown on top of a screen."""
