"""Why a task waits: facts in, reasons out.

The last reason is the one whose end lets it run. Later reasons (gauges, rates, budgets) join `tasks.reasons`.
"""
