"""Copies of a store: made, read, checked, restored.

Called by the engine and by `core.app.backups`.
"""
