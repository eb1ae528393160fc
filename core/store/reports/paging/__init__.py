"""Pages of rows: filters, orders, and positions in them."""
