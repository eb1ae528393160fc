"""Reading: which rows a list holds in memory, in which order, and how they look."""
