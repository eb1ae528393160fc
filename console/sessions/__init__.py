"""Console sessions: attached, embedded, lines, and `dial-stdio`.

Called by `console.launch`.
"""
