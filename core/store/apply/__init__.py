"""One file per kind of command: its changes to the rows.

Called by the journal's transaction; the moves themselves are in `moves`.
"""
