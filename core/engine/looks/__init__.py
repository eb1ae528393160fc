"""Looks at the world outside: what waiting tasks wait for."""
