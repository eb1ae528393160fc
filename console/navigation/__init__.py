"""Navigation: places by name, where the operator was, and saved views."""
