"""Connectors: what a task does, one outside system per file.

Built by the registry, called by the engine's runner; they never import the engine or the store.
"""
