"""Judgements of tasks whose needs are met, and plans of their children."""
