"""Scheduling: schedules that fire, and workflows that stay silent."""
