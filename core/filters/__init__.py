"""The filter grammar of lists and verbs: read, written back, matched."""
