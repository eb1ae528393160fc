"""The colour themes of the console, as TOML files.

Read by `console.themes`.
"""
