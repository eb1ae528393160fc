"""Backups of a home: written, checked, listed, restored.

Called by the commands `backup` and `restore`.
"""
