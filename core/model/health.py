"""Health: subjects with their state, since when, value and lines.

Measured by the engine, told by the store; shown by the command `health` and the console.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from core.model.backend_checks import CheckView
from core.model.timing.schedule_views import Downtime
from core.model.waits import EngineFacts

TREND_MINUTES = 60
"""Minutes of which an engine remembers each measure."""


class HealthState(StrEnum):
    """How a subject does, the worst last; monitors know these as 0, 1 and 2."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return the exit code of monitors for it."""
        return tuple(HealthState).index(self)


class Unit(StrEnum):
    """What a measure is counted in."""

    RATIO = "ratio"
    SHARE = "share"
    BYTES = "bytes"
    MS = "ms"


class Measure(StrEnum):
    """What an engine measures of itself and its machine."""

    LOAD = "load"
    """Processes that run or wait for a processor, for each processor, over the last minute."""
    MEMORY = "memory"
    """The share of the memory that is available."""
    DISK = "disk"
    """Free bytes where the data directory is."""
    OUTPUTS = "outputs"
    """Free bytes where the outputs are, if that is another disk."""
    INODES = "inodes"
    """The share of the inodes that is free where the data directory is."""
    STORE = "store"
    """Bytes of the store."""
    WAL = "wal"
    """Bytes of its write-ahead log."""
    LOOP = "loop"
    """The longest time that the loop did not come round since the last sample."""
    READER = "reader"
    """How long the oldest reader in the engine has read; it keeps the log from being emptied."""
    CLOCK = "clock"
    """By how much the wall clock was set within the last ten minutes."""


UNITS: Mapping[Measure, Unit] = {
    Measure.LOAD: Unit.RATIO,
    Measure.MEMORY: Unit.SHARE,
    Measure.DISK: Unit.BYTES,
    Measure.OUTPUTS: Unit.BYTES,
    Measure.INODES: Unit.SHARE,
    Measure.STORE: Unit.BYTES,
    Measure.WAL: Unit.BYTES,
    Measure.LOOP: Unit.MS,
    Measure.READER: Unit.MS,
    Measure.CLOCK: Unit.MS,
}
FALLING = frozenset({Measure.MEMORY, Measure.DISK, Measure.OUTPUTS, Measure.INODES})
"""Those of which less is worse."""


class Lines(Struct, frozen=True, kw_only=True):
    """From where on a measure warns, and is critical; None = never."""

    soft: float | None = None
    hard: float | None = None


MIB, GIB = 2**20, 2**30
DEFAULT_LINES: Mapping[Measure, Lines] = {
    Measure.LOAD: Lines(soft=16, hard=64),
    Measure.MEMORY: Lines(soft=0.1, hard=0.03),
    Measure.DISK: Lines(soft=GIB, hard=256 * MIB),
    Measure.OUTPUTS: Lines(soft=GIB, hard=256 * MIB),
    Measure.INODES: Lines(soft=0.05, hard=0.01),
    Measure.STORE: Lines(soft=16 * GIB),
    Measure.WAL: Lines(soft=64 * MIB, hard=256 * MIB),
    Measure.LOOP: Lines(soft=1_000, hard=5_000),
    Measure.READER: Lines(soft=10_000, hard=60_000),
    Measure.CLOCK: Lines(soft=2_000, hard=3_600_000),
}


class MeasureView(Struct, frozen=True, kw_only=True):
    """A measure as it stood at the last sample; times in ms UTC."""

    measure: Measure
    value: float
    state: HealthState
    since: int
    lines: Lines = Lines()
    trend: tuple[float, ...] = ()
    """The worst of each of the last minutes, the oldest first."""


class LoopBlock(Struct, frozen=True, kw_only=True):
    """A time in which the loop of an engine did not come round."""

    at: int
    """ms UTC."""
    ms: int
    """How long; of one that lasts, until it was asked for."""
    stack: tuple[str, ...]
    """What blocked it, the outermost call first: `file:line in name: text`."""


class EngineHealth(Struct, frozen=True, kw_only=True):
    """What an engine that runs knows of itself, its machine and its backends."""

    started_at: int
    sampled_at: int
    measures: tuple[MeasureView, ...] = ()
    block: LoopBlock | None = None
    """The last time that the loop was blocked, since this engine began."""
    blocks: int = 0
    claims: int = 0
    """Attempts that it claimed."""
    commits: int = 0
    commit_ms: float = 0
    """How long commands waited for these transactions, in all."""
    output_bytes: int | None = None
    """Bytes of all outputs on the disk; None = they are not counted yet."""
    metrics: str = ""
    """Why the configured endpoint of metrics does not answer."""
    rss: int = 0
    """Bytes of memory that it holds."""
    is_collector_lost: bool = False
    """Commands run, and the process that collects their output is gone."""


class HealthView(Struct, frozen=True, kw_only=True):
    """How an engine, its machine and its store do; times in ms UTC."""

    at: int
    engine: EngineFacts
    stopped_at: int | None = None
    """When the last engine ended; None = one owns the store, it died, or there has been none."""
    known: EngineHealth | None = None
    """What the engine knows; None = it is not the one that answers."""
    measures: tuple[MeasureView, ...] = ()
    """Without an engine: the machine as it is now."""
    checks: tuple[CheckView, ...] = ()
    """Checks of backends by name, with the last look where the engine answers."""
    tasks: Mapping[str, int] = {}
    """Tasks by status."""
    lost: int = 0
    """Tasks that are held because the end of their attempt was not seen."""
    spent_budgets: int = 0
    is_frozen: bool = False
    shut: tuple[str, ...] = ()
    """Backends whose breaker is open, or that refused; at most 20."""
    schedules: int = 0
    """Schedules that will fire."""
    overdue: int = 0
    """Of these, how many should have fired a minute ago."""
    overdue_since: int | None = None
    missed: int = 0
    """Times that were missed within the last day."""
    downtime: Downtime | None = None
    """Times that passed while no engine ran."""
    silent: tuple[str, ...] = ()
    """Schedules and workflows of which no job succeeded in time, the longest first; at most 20."""
    silent_since: int | None = None


class SubjectLine(Struct, frozen=True, kw_only=True):
    """One line of health: what it is about, how it does, and why."""

    subject: str
    state: HealthState
    text: str
    since: int | None = None
    value: float | None = None
    unit: Unit | None = None
    lines: Lines = Lines()
    trend: tuple[float, ...] = ()
    hint: str = ""
    """What to do; '' = nothing has to be done."""
