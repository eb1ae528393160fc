"""Ways: where one can go, where one has been, and filters kept by name."""
