"""Expressions `${{ ... }}`: parsed, checked without values, evaluated within limits.

Used by the validation, and by the engine for inputs and conditions.
"""
