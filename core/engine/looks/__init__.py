"""Looks at the world outside: what waiting tasks wait for.

Started by the service, which tells it of each commit; shares polls and inputs with attempts.
"""
