"""Nouns of the ControlAPI: requests, and verbs that ask them.

Each is loaded when it is first asked for: a client needs few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.lazy import lazy_names

if TYPE_CHECKING:
    from core.control.nouns import (
        backups,
        configuration,
        data,
        failures,
        health,
        history,
        ledger,
        limits,
        logs,
        notices,
        orphans,
        past,
        schedules,
        signals,
        upkeep,
        work_items,
        workflows,
    )

__all__ = [
    "backups",
    "configuration",
    "data",
    "failures",
    "health",
    "history",
    "ledger",
    "limits",
    "logs",
    "notices",
    "orphans",
    "past",
    "schedules",
    "signals",
    "upkeep",
    "work_items",
    "workflows",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, {name: f"{__name__}.{name}" for name in __all__})
