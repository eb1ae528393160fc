"""Answers of what tasks wait for: signals, files, times and people."""
