"""The shell: the app, and its parts that are not screens.

Started by the console's sessions.
"""
