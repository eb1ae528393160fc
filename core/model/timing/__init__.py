"""Moments, zones and schedules.

Used by schedules on every floor; nouns alone, standard library only.
"""
