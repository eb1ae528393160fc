"""Housekeeping: repairs, retention, purges, and room on the disk."""
