"""The filter grammar of lists and verbs: parsed, unparsed, matched.

Used by the commands, the console, the control and the store; it imports only the model.
"""
