"""Changes of pools, limits and budgets, and what attempts take of them.

Called by `core.store.dispatch`, by claims, and by what closes attempts.
"""
