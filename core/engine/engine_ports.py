"""Ports: what an engine gets from outside.

Made by `core.app.hosting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.config import Settings
from core.config.checked_tables import CheckedTables
from core.config.checks import Configuration
from core.config.faults import Faults
from core.config.files import ConfigFile
from core.connectors.registry import Registry
from core.engine.monitoring import machine
from core.engine.monitoring.loop_watch import LoopWatch
from core.model.health import Lines, Measure
from core.model.limits.limits import Capacity
from core.model.paths import Paths
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
    health_lines: Mapping[Measure, Lines] = field(default_factory=dict)
    """From where on measures of health warn, where that is configured."""
    watch: LoopWatch | None = None
    """What watches the loop."""
    measure: Callable[[Paths], Mapping[Measure, float]] = machine.measure
    """What measures the machine, in a thread."""
    look: Looker = field(default_factory=lambda: Prober().look)
    """How a backend is looked at."""
    configured: Configuration | None = None
    """What was read of a file, the capacity included; None = nothing was."""
    slots: int | None = None
    """Of a command line: they stay stronger than the file when it is read again."""

    def configuration(self, paths: Paths, settings: Settings) -> Configuration:
        """Return what the engine starts with."""
        if self.configured is not None:
            return self.configured
        file = ConfigFile(path=paths.config)
        tables = CheckedTables({}, Faults(file))
        return Configuration(settings=settings, capacity=self.capacity, file=file, tables=tables)
