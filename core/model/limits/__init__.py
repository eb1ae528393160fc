"""Pools, limits and money: what binds tasks, and what they spend.

Used by rules, store, control and console; nouns alone, standard library only.
"""
