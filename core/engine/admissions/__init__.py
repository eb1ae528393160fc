"""Admission: documents and loose tasks become plans that the store takes.

Called by the engine's service for each submission; knows nothing of attempts.
"""
