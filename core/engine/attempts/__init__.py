"""Attempts: from the call or process to the outcome that is recorded.

The dispatcher and the recovery start them; knows nothing of admissions, judgements or the service.
"""
