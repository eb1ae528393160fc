"""Ports: what an engine gets from outside.

Made by `core.app.hosting`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.connectors.registry import Registry
from core.model.limits import Capacity
from core.model.ports import Alarms, Clock, Draw, Looker
from core.probes import Prober


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What an engine gets from outside: time, alarms, chance, connectors."""

    clock: Clock
    alarms: Alarms
    draw: Draw
    registry: Registry
    capacity: Capacity = Capacity()
    """Pools and limits as configured."""
    look: Looker = field(default_factory=lambda: Prober().look)
    """How a backend is looked at."""
