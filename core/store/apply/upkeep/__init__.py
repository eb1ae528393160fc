"""Upkeep of rows: repairs, purges and what is forgotten.

Called by `core.store.dispatch` for the commands of the engine's housekeeping.
"""
