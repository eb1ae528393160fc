"""Start, replacement and stop of the engine by the console.

Used by the app and by the console's sessions.
"""
