"""Motion: the loops and services that carry tasks through the table of moves."""
