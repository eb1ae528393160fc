"""The operator's verbs: targets, confirmation, application and results.

Used by the screens through the desk; they know no widgets.
"""
