"""Turn records of other systems into workflows."""
