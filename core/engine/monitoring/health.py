"""Health of an engine: backends, machine, loop, notices to operators.

Owned by the engine. Samples ride on the janitor's look for free room; what does not change writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.engine.engine_ports import Ports
from core.engine.monitoring import machine
from core.engine.monitoring.backend_checks import BackendChecks, CheckPorts
from core.engine.monitoring.loop_watch import Blocked
from core.engine.monitoring.measures import MeasureChange, Measures
from core.engine.monitoring.notices import NoticeLoop, NoticePorts
from core.engine.set_aside import Note
from core.executors.child import ChildExecutor
from core.model.backend_checks import LastLook
from core.model.commands.engine_notes import EngineEvent, NoteEngine
from core.model.commands.work import ENGINE
from core.model.errors import TaskdeckError
from core.model.health import DEFAULT_LINES, EngineHealth, Lines, LoopBlock, Measure
from core.model.limits.limits import Capacity
from core.model.paths import Paths
from core.model.values import JsonObject
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.reports.limits.checks import CheckHistory

STEP_KEPT_MS = 600_000
"""How long a step of the wall clock is told."""
STEP_LEAST_MS = 500
BLOCKS_APART_MS = 60_000
"""Between two events of a blocked loop at the least; the others are counted."""


@dataclass(frozen=True, slots=True)
class HealthParts:
    """What health asks of the rest of the engine."""

    paths: Paths
    journal: Journal
    histories: Callable[[], Awaitable[Mapping[str, CheckHistory]]]
    """What the store remembers of each backend with a check."""
    oldest_reader: Callable[[], float]
    """How long the oldest reader has read, in ms."""
    children: ChildExecutor
    note: Note
    """Tells operators what could not be done, and that it can be again."""


class HealthWatch:
    """Begins and ends with the claims of its engine."""

    def __init__(self, parts: HealthParts, notices: NoticePorts, ports: Ports) -> None:
        clock = ports.clock
        checks = CheckPorts(parts.histories, parts.journal, ports.look, parts.note)
        self.checks = BackendChecks(checks, clock=clock, alarms=ports.alarms)
        self._is_looking = False
        self.notices = NoticeLoop(notices, clock=clock, alarms=ports.alarms)
        self._waits_for_checks = False
        self.metrics_fault = ""
        """Why the configured endpoint of metrics does not answer."""
        self._parts = parts
        self._watch = ports.watch
        self._measure = ports.measure
        self._clock = clock
        self._measures = Measures(ports.health_lines)
        self._offset = clock.offset
        self._started_at = clock.now()
        self._sampled_at = 0
        self._stepped: tuple[int, int] | None = None
        self._block: LoopBlock | None = None
        self._blocks = 0
        self._told_at = -BLOCKS_APART_MS

    @property
    def is_waited_for(self) -> bool:
        """Tasks wait for a backend that is down and may come back, or a notice is on its way."""
        return self._waits_for_checks or self.notices.is_busy

    async def start(self, capacity: Capacity) -> None:
        """Watch the loop, look at backends, and tell operators what they asked for, from now on."""
        self._is_looking = True
        if self._watch is not None:
            self._watch.start(self._blocked)
        await self.checks.configure(capacity.backends)
        await self.notices.open(capacity.sinks)

    async def change(self, capacity: Capacity, lines: Mapping[Measure, Lines]) -> None:
        """Do so by this instead, if it has begun, and judge by these lines."""
        self._measures.lines = {**DEFAULT_LINES, **lines}
        if self._is_looking:
            await self.checks.configure(capacity.backends)
            await self.notices.configure(capacity.sinks)

    def hear(self, report: Report) -> None:
        """Hear what a commit means."""
        self._waits_for_checks = report.waits_for_checks
        self.notices.hear(report)

    async def end(self) -> None:
        """Look at nothing any more; what is under way has ended."""
        if self._watch is not None:
            self._watch.stop()
        self.checks.close()
        self.notices.close()
        await self.checks.end()
        await self.notices.end()

    async def sample(self) -> None:
        """Measure the machine and the engine; tell what does otherwise than before."""
        values = dict(await asyncio.to_thread(self._measure, self._parts.paths))
        watch, now = self._watch, self._clock.now()
        if watch is not None:
            values[Measure.LOOP] = watch.take_lag() * 1_000
        values[Measure.READER] = self._parts.oldest_reader()
        values[Measure.CLOCK] = self._step(now)
        self._sampled_at = now
        for change in self._measures.take(values, now=now):
            self._note(EngineEvent.HEALTH, _told(change))

    def last_looks(self) -> Mapping[str, LastLook]:
        """Return the last look at each backend that was looked at."""
        return self.checks.last_looks()

    async def look(self, name: str) -> LastLook:
        """Look at a backend now; see `BackendChecks.look_now`."""
        return await self.checks.look_now(name)

    def note_damage(self, error: TaskdeckError) -> None:
        """Tell operators which rows answers were given without, as long as this engine lives."""
        self._parts.note("rows of the store", error)

    def view(self) -> EngineHealth:
        """Return what is known now."""
        offset, tally = self._clock.offset, self._parts.journal.tally
        return EngineHealth(
            started_at=self._started_at - offset,
            sampled_at=self._sampled_at - offset,
            measures=self._measures.views(offset=offset),
            block=self._block,
            blocks=self._blocks,
            rss=machine.resident_bytes(),
            is_collector_lost=self._parts.children.is_collector_lost(),
            claims=tally.claims,
            commits=tally.commits,
            commit_ms=tally.ms,
            output_bytes=self._parts.children.outputs.use.total,
            metrics=self.metrics_fault,
        )

    def _step(self, now: int) -> float:
        """Return by how many ms the wall clock was set lately; it may creep by less than it counts for."""
        by, self._offset = abs(self._clock.offset - self._offset), self._clock.offset
        if by >= STEP_LEAST_MS:
            self._stepped = (now, by)
        if self._stepped is None or now - self._stepped[0] > STEP_KEPT_MS:
            return 0
        return self._stepped[1]

    def _blocked(self, seen: Blocked) -> None:
        now = self._clock.now()
        ms = round(seen.seconds * 1_000)
        self._block = LoopBlock(at=now - self._clock.offset - ms, ms=ms, stack=seen.stack)
        self._blocks += 1
        if now - self._told_at >= BLOCKS_APART_MS:
            self._told_at = now
            self._note(EngineEvent.BLOCKED, {"ms": ms, "stack": [*seen.stack], "blocks": self._blocks})

    def _note(self, kind: EngineEvent, data: JsonObject) -> None:
        noted = self._parts.journal.submit(NoteEngine(kind=kind, actor=ENGINE, data=data))
        # Health is told by the next sample, too: a store that takes no more is not its trouble.
        noted.add_done_callback(lambda future: future.cancelled() or future.exception())


def _told(change: MeasureChange) -> JsonObject:
    return {
        "subject": change.measure.value,
        "state": change.now.value,
        "from": change.before.value,
        "value": change.value,
        "soft": change.lines.soft,
        "hard": change.lines.hard,
    }
