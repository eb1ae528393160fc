"""Layered graphs drawn from left to right as lines of text."""
