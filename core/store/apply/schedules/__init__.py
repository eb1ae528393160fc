"""Changes of schedules, and their fires.

Called by `core.store.dispatch` for the commands of schedules.
"""
