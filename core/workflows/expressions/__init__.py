"""Expressions `${{ ... }}`: plain paths by own code, others by CEL.

Used by the validation, and by the engine for inputs and conditions.
"""
