"""Describe work: read, check, draw and expand workflow documents."""
