"""Monitoring: how backends, machine and loop are, and notices to operators.

Started by the service; reads what the others note and changes no task.
"""
