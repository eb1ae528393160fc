"""Nouns of workflow patterns: groups, children, people, signals, variables."""
