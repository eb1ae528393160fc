"""The store: rows, events and the journal; the only room with SQL.

Used by the engine, and for reading by the control and `core.app`.
"""
