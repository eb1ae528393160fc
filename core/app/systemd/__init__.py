"""What systemd does with an engine: its unit, and log-out.

Used by the commands `serve --unit` and `doctor`.
"""
