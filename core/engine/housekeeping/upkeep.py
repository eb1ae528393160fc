"""Upkeep of an engine: its janitor, and its purges.

Owned by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from core.config import Settings
from core.engine.attempts.runner import Runner
from core.engine.dispatcher import Dispatcher
from core.engine.engine_ports import Ports
from core.engine.housekeeping.janitor import Janitor, Rounds
from core.engine.housekeeping.purging import Purging
from core.engine.housekeeping.repairs import Repairs
from core.engine.housekeeping.retention import Retention, RetentionPorts
from core.engine.housekeeping.shrinking import Shrinking
from core.engine.set_aside import Note
from core.executors.child import ChildExecutor
from core.model.paths import Paths
from core.store.journal import Journal
from core.store.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepPorts:
    """What upkeep works on, and who hears of its errors."""

    journal: Journal
    reports: Reports
    dispatcher: Dispatcher
    runner: Runner
    children: ChildExecutor
    note: Note
    health: Callable[[], Coroutine[None, None, None]]
    """Measures how the machine and the engine do."""


class Upkeep:
    """The parts that keep a store whole and small."""

    def __init__(self, ports: UpkeepPorts, settings: Settings, *, outside: Ports) -> None:
        clock, alarms = outside.clock, outside.alarms
        self.purging = Purging(ports.journal, ports.reports.upkeep, ports.children.outputs)
        self.retention = Retention(
            RetentionPorts(
                journal=ports.journal,
                facts=ports.reports.retention,
                facts_of_purge=ports.reports.upkeep,
                forgettable=ports.reports.forgettable,
                purging=self.purging,
                shrinking=Shrinking(ports.journal, ports.reports.upkeep, lambda: ports.runner.count > 0),
                use=ports.children.outputs.use,
                store=Paths(home=ports.children.outputs.root.parent).db,
                is_busy=lambda: ports.runner.count > 0,
                note=ports.note,
            ),
            outside.capacity.retention,
            clock=clock,
            alarms=alarms,
        )
        rounds = Rounds(
            dispatcher=ports.dispatcher,
            runner=ports.runner,
            children=ports.children,
            repairs=Repairs(ports.journal, ports.reports.repairs),
            purging=self.purging,
            retention=self.retention,
            note=ports.note,
            health=ports.health,
        )
        self.janitor = Janitor(rounds, settings=settings, clock=clock, alarms=alarms)
