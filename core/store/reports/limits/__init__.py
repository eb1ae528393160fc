"""Reports of pools, limits and money: what binds, what was spent."""
