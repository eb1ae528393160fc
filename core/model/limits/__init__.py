"""Pools, limits and money: what binds tasks, and what they spend."""
