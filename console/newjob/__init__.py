"""Workflows to pick for a new job, and the values of their forms."""
