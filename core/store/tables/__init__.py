"""The tables of a store: columns, checks, indexes.

Read by the creation of a store and by migrations; the statements elsewhere name their columns.
"""
