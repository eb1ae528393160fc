"""Verbs: what an operator changes, how much is asked before, and what is told afterwards."""
