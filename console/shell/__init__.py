"""The shell: the app, and what moves between its screens."""
