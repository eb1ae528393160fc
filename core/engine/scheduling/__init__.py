"""Scheduling: schedules that fire, and workflows that stay silent.

Started by the service; declared schedules and the operators' verbs go through admissions.
"""
