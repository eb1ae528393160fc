"""Commands to the journal, and their results."""
