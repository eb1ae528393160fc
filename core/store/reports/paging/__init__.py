"""Pages of rows: filters, orders, and positions in them.

Used by the read models that list rows; knows no noun.
"""
