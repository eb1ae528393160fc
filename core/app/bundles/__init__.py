"""Incident bundles: written to one file, opened read-only from it.

Called by the command `bundle`, by the commands that read, and by the console's sessions.
"""
