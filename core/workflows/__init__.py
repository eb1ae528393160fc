"""Workflow documents: read, check, draw and expand them.

Used by the engine's admission and by the commands `check` and `graph`.
"""
