"""Why a task waits: facts in, reasons out.

The last reason is the one whose end lets it run. `tasks.reasons` puts those of the other files in order.
"""
