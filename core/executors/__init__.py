"""Where a call runs: supervised processes and their attempt directories."""
