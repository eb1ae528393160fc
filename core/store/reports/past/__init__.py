"""Reports of the past: events, jobs as they stood, runs compared.

Read models of `core.store.reports.Reports`; read a snapshot, write nothing.
"""
