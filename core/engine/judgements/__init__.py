"""Judgements of tasks whose needs are met, and plans of their children.

Called by the dispatcher after each batch; may ask attempts for what an expression needs.
"""
