"""Answers of what tasks wait for: signals, files, times and people.

Called by `core.store.dispatch`, and where a task that waits is stopped.
"""
