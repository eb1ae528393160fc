"""Executors: where a call runs; supervised processes and their attempt directories.

Used by the engine; it imports neither store nor rules.
"""
