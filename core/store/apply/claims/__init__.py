"""Claims: tasks picked from the heads of open lanes.

Called by `core.store.transaction` once in each batch that has free slots.
"""
