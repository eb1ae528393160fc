"""Configuration: settings, pools, limits, backends and prices of a data directory.

Loaded by `core.app.options`; read by the commands that show it. Its faults are told all at once.
"""

from __future__ import annotations

from core.config.capacity import load_capacity
from core.config.lines import Tables, load_lines, load_tables
from core.config.settings import PREFIX, Read, Settings, describe, load, origins, read_at

__all__ = [
    "PREFIX",
    "Read",
    "Settings",
    "Tables",
    "describe",
    "load",
    "load_capacity",
    "load_lines",
    "load_tables",
    "origins",
    "read_at",
]
