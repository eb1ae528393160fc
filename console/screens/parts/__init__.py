"""Parts of screens, each for one group of keys.

Owned by the list screen and by the base of screens.
"""
