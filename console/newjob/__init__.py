"""Workflows to submit as a new job, and the values of forms.

Used by the dialogs and the shell.
"""
