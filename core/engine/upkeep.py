"""Upkeep of an engine: its janitor, and its purges.

Owned by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from core.config import Settings
from core.engine.dispatcher import Dispatcher
from core.engine.janitor import Janitor, Rounds
from core.engine.purging import Purging
from core.engine.repairs import Repairs
from core.engine.runner import Runner
from core.engine.set_aside import Note
from core.executors.child import ChildExecutor
from core.model.ports import Alarms, Clock
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

    def __init__(self, ports: UpkeepPorts, settings: Settings, *, clock: Clock, alarms: Alarms) -> None:
        self.purging = Purging(ports.journal, ports.reports.upkeep, ports.children.outputs)
        rounds = Rounds(
            dispatcher=ports.dispatcher,
            runner=ports.runner,
            children=ports.children,
            repairs=Repairs(ports.journal, ports.reports.repairs),
            purging=self.purging,
            note=ports.note,
            health=ports.health,
        )
        self.janitor = Janitor(rounds, settings=settings, clock=clock, alarms=alarms)
