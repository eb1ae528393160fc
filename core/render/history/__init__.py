"""The history told: one sentence for each event.

Used by the command `history` and by the console.
"""
