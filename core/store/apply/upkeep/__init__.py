"""Upkeep of rows: repairs, purges and what is forgotten."""
