"""Changes of pools, limits and budgets, and what attempts take of them."""
