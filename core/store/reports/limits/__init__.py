"""Reports of pools, limits and money: what binds, what was spent.

Read models of `core.store.reports.Reports`; read a snapshot, write nothing.
"""
