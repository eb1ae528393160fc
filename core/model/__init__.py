"""The nouns of taskdeck: plain data and ports, standard library only.

Used by every room; it imports none.
"""
