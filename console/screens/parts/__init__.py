"""Parts: what screens own to carry out groups of keys."""
