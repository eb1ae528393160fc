"""The filter grammar of lists and verbs: parsed, unparsed, matched."""
