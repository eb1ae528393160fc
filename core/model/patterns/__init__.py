"""Nouns of workflow patterns: groups, children, people, signals, variables.

Used by workflows, engine, store and console; nouns alone, standard library only.
"""
