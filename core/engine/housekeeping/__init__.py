"""Housekeeping: repairs, retention, purges, and room on the disk.

Started by the service; what it removes or repairs goes through commands to the journal.
"""
