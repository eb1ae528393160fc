"""What a task does: one outside system per file, and the registry that knows them all."""
