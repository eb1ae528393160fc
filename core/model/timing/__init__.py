"""Moments, zones and schedules."""
