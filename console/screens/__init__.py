"""Screens: Pulse, lists, job, graph, task, log and failure.

Opened by the navigator; they import widgets and rows, never the app.
"""
