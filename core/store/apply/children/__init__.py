"""Changes of children: jobs that tasks wait for, and worklets.

Called by `core.store.dispatch` and by the consequences of final tasks.
"""
