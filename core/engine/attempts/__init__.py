"""Attempts: from the call or process to the outcome that is recorded."""
