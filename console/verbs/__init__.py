"""What an operator changes, how much is asked before, and the results."""
