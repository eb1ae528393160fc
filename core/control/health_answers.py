"""Health as readers see it: rows, and what the engine knows.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.control.schedule_answers import downtime
from core.engine.monitoring import machine
from core.engine.monitoring.measures import Measures
from core.model.health import HealthView
from core.model.present import present_ms
from core.model.records import replace
from core.model.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.control.wait_answers import EngineSight
    from core.model.backend_checks import LastLook
    from core.model.health import EngineHealth, Lines, Measure, MeasureView
    from core.model.paths import Paths
    from core.store.reports import Reports


class HealthState(Protocol):
    """What an engine of this process knows of its health."""

    def view(self) -> EngineHealth:
        """Return what is known now."""

    def last_looks(self) -> Mapping[str, LastLook]:
        """Return the last look at each backend that was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSight:
    """Who knows how the machine does: the engine, or from where on measures of it warn."""

    known: HealthState | None = None
    lines: Callable[[], Mapping[Measure, Lines]] | None = None
    """As it is configured now; None = as it is without a configuration."""


class HealthAnswers:
    """Reads rows, asks the engine if it is here; else measures the machine itself."""

    def __init__(
        self,
        reports: Reports,
        paths: Paths,
        *,
        engine: EngineSight,
        sight: HealthSight,
    ) -> None:
        self._reports = reports
        self._paths = paths
        self._engine = engine
        self._known = sight.known
        self._lines = sight.lines

    async def now(self) -> HealthView:
        """Return how all does."""
        reports, known = self._reports, self._known
        facts, totals = await reports.health.now(), await reports.totals.current()
        checks = await reports.checks.all()
        if known is not None:
            looks = known.last_looks()
            checks = tuple(replace(one, last=looks.get(one.backend)) for one in checks)
        return HealthView(
            at=present_ms(),
            engine=await self._engine(),
            stopped_at=facts.stopped_at,
            known=None if known is None else known.view(),
            measures=() if known is not None else await asyncio.to_thread(self._measured),
            checks=checks,
            tasks=totals.tasks,
            lost=await reports.lost.count() if totals.tasks.get(TaskStatus.HELD) else 0,
            spent_budgets=totals.spent_budgets,
            is_frozen=totals.is_frozen,
            shut=facts.shut,
            schedules=facts.schedules,
            overdue=facts.overdue,
            overdue_since=facts.overdue_since,
            missed=facts.missed,
            silent=facts.silent,
            silent_since=facts.silent_since,
            downtime=await downtime(reports, self._engine),
        )

    def _measured(self) -> tuple[MeasureView, ...]:
        """Return the machine as it is now, in this moment's states."""
        measures = Measures({} if self._lines is None else self._lines())
        for _ in measures.take(machine.measure(self._paths), now=present_ms()):
            pass
        return measures.views(offset=0)
