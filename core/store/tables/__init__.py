"""The tables of a store: columns, checks, indexes."""
