"""Feed: changes and counts of the engine, read once for all screens.

Polled by the live updates of the app; read by screens, gate and lifecycle.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.control.api import ControlAPI
from core.model.errors import TaskdeckError, Unavailable
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.version import VERSION
from core.model.views import EngineInfo

SECONDS = 0.5
"""Between two ticks."""
SECONDS_SSH = 1.0
"""Between two ticks over SSH."""
SECONDS_SLOW = 2.0
"""Between two ticks on a slow link, or while frames wait to be written."""
SLOW_MS = 250
"""A link that takes longer to answer is slow."""
RETRY_SECONDS = 1.0
"""Between two attempts to reach an engine that is gone."""
_PROBE_SECONDS = 10.0
_SILENT_SECONDS = 15.0
# NO ENGINE says it all.
_GONE = ("engine.none", "engine.lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Open work items: all, those that this operator may answer, and those whose time has passed."""

    open: int = 0
    mine: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Everything at one moment: tasks and jobs by status, paused queues, the engine (None = none answers)."""

    tasks: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, int] = field(default_factory=dict)
    paused: int = 0
    engine: EngineInfo | None = None
    link_ms: int = 0
    """How long the engine took to answer."""
    trouble: SafeText = SafeText("")
    """Why this could not be read, why the engine does not run tasks, or what of the store is not shown."""
    acknowledged: int = 0
    """Failed tasks that operators have acknowledged."""
    lost: int = 0
    """Tasks that an operator has to decide: the end of their attempt was not seen."""

    paused_pools: int = 0
    spent: int = 0
    """Budgets of which nothing is left, or for which something waits."""
    is_frozen: bool = False
    """An operator stopped all spending."""
    people: People = People()
    is_counted: bool = False
    """The tasks were counted, by an engine or in the store."""

    @property
    def news(self) -> int:
        """How many tasks failed that no operator has acknowledged."""
        return max(0, self.tasks.get("failed", 0) - self.acknowledged)

    @property
    def known_text(self) -> str:
        """Return ` (+3 known)` for what stands behind the failed tasks that are news, '' = none are known."""
        return f" (+{self.acknowledged:,} known)" if self.acknowledged else ""

    @property
    def busy(self) -> bool:
        """Whether tasks run, or will run without an operator."""
        return any(self.tasks.get(status) for status in ("running", "queued", "retrying", "waiting"))

    @property
    def foreign(self) -> str:
        """The version of an engine that is not of this console's version, else ''."""
        return "" if self.engine is None or self.engine.version == VERSION else self.engine.version


def nothing_left_out() -> SafeText:
    """Return that no row is damaged."""
    return SafeText("")


class Feed:
    """Asks the control what changed; keeps the counts of the last answer.

    `last_event` = all changes up to it are known; None = everything has to be read again. `starting` = an
    engine was started that does not answer yet: whatever starts one sets it, the first answer clears it.
    `left_out` names damaged rows that are not shown, where no engine names them.
    """

    def __init__(self, control: ControlAPI, *, left_out: Callable[[], SafeText] = nothing_left_out) -> None:
        self._control = control
        self._left_out = left_out
        self.pulse = Pulse()
        self.last_event: int | None = None
        self.starting = False
        self.is_followed = False
        """The feed is asked all the time: what was read stays true until it reports a change."""
        self.protected: bool | None = None
        """Whether the home of the engine is marked as protected; None = no engine answers."""
        self._changes: Counter[str] = Counter()
        self._answered_at = time.monotonic()
        self._probed_at = 0.0

    @property
    def stale_seconds(self) -> int:
        """Seconds since the last answer, if one is overdue; 0 = none is."""
        silent = time.monotonic() - self._answered_at
        return int(silent) if self.pulse.engine is None or silent > _SILENT_SECONDS else 0

    def changes_of(self, nouns: Iterable[str]) -> tuple[int, ...]:
        """Return how often each noun has changed so far: the same again means nothing changed."""
        return tuple(self._changes[noun] for noun in nouns)

    async def ask(self) -> frozenset[str]:
        """Wait for events and return their kinds; none after an error."""
        begun = time.monotonic()
        is_first = self.last_event is None
        try:
            changes = await self._control.changes(self.last_event)
            if not is_first and begun - self._probed_at > _PROBE_SECONDS:
                begun = time.monotonic()
                await self._control.status()
                is_first = True
        except TaskdeckError as error:
            self._note_error(error)
            if self.pulse.engine is None:
                await self._count_alone()
            return frozenset()
        now = time.monotonic()
        # Only an answer that did not wait for events measures the link.
        link_ms = round((now - begun) * 1000) if is_first else self.pulse.link_ms
        self._probed_at = now if is_first else self._probed_at
        self._answered_at = now
        self.last_event = changes.last_event
        self._changes.update({kind.partition(".")[0] for kind in changes.kinds})
        self.starting = False
        self.protected = changes.engine.protected
        self.pulse = Pulse(
            tasks=changes.tasks,
            jobs=changes.jobs,
            paused=changes.paused_queues,
            engine=changes.engine,
            link_ms=link_ms,
            trouble=safe_line(_closed(changes.engine) or changes.engine.set_aside) or self._left_out(),
            lost=changes.lost,
            paused_pools=changes.paused_pools,
            spent=changes.spent_budgets,
            is_frozen=changes.is_frozen,
            acknowledged=changes.acknowledged,
            people=self.pulse.people,
            is_counted=True,
        )
        return changes.kinds

    def note_people(self, people: People) -> None:
        """Take the counts of open work items, until others are known."""
        self.pulse = replace(self.pulse, people=people)

    async def ask_for_all(self) -> frozenset[str]:
        """Return all kinds at once, as if nothing were known; none after an error."""
        self.last_event = None
        return await self.ask()

    def seconds(self, tick: float, *, pending: int) -> float:
        """Return how long to wait before asking again; `pending` = frames that wait to be written."""
        if self.pulse.engine is None:
            return RETRY_SECONDS
        is_slow = self.pulse.link_ms > SLOW_MS or pending > 1
        return max(tick, SECONDS_SLOW) if is_slow else tick

    @property
    def has_engine(self) -> bool:
        """Whether an engine answers, or is on its way."""
        return self.pulse.engine is not None or self.starting

    async def _count_alone(self) -> None:
        """Count what the store holds while no engine answers; where it cannot be read, nothing is known."""
        try:
            queues = await self._control.queues()
            tasks = Counter[str]()
            for queue in queues:
                tasks.update(queue.tasks)
            known = (await self._control.failures.families(limit=1)).known if tasks["failed"] else 0
        except TaskdeckError:
            return
        paused = sum(queue.paused_at is not None for queue in queues)
        self.pulse = replace(
            self.pulse, tasks=dict(tasks), jobs={}, paused=paused, acknowledged=known, is_counted=True
        )

    def _note_error(self, error: TaskdeckError) -> None:
        is_gone = isinstance(error, Unavailable) and not error.code.startswith("store.")
        trouble = self._left_out() if error.code in _GONE else safe_line(error.message)
        if is_gone:
            # Another engine may have run meanwhile.
            self.last_event = None
            self.protected = None
        self.pulse = replace(self.pulse, engine=None if is_gone else self.pulse.engine, trouble=trouble)


def _closed(engine: EngineInfo) -> str:
    """Return why an engine claims nothing, with what would end it; '' = it claims."""
    return "; ".join(f"{one.message} ({one.hint})" for one in engine.closed) or engine.trouble
