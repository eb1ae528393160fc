"""Retention: how long what has ended is kept.

Read from config.toml; judged by `core.rules.retention`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from core.model.values import JsonObject

DAY_MS = 86_400_000
NEVER = 2**62
"""ms or a number that is never reached: what is kept so long is kept for ever."""
NOTICE_MS = 7 * DAY_MS
"""How long a store that had no retention before is left alone after its first notice."""
SECOND_LOOK_MS = 600_000
"""How long the wall clock stands as it does before anything goes by age."""
STEP_MS = 60_000
"""A step of the wall clock ahead that is larger needs another second look."""


class Forgettable(StrEnum):
    """What grows without jobs, in the order in which it goes."""

    EVENTS = "events"
    """Of no job and no task: of the engine, limits, purges; and the fires of schedules with theirs."""
    SCHEDULES = "schedules"
    """Those that were removed."""
    DEFINITIONS = "workflows"
    """Documents that no job and no schedule names."""
    TEXTS = "texts"
    """Of workflows, that no registered name, no job and no schedule names: they go at once."""
    KEYS = "keys"
    """Of `once`, that are free again, and whose task was purged."""
    FAMILIES = "failures"
    """Families all of whose failures were purged."""
    SIGNALS = "signals"
    """That expired."""
    ENTRIES = "entries"
    """Of the ledger, of attempts that were purged: they are summed up by month."""
    GAUGES = "gauges"
    """Of purged jobs, of limits for each job, in which no entry of the ledger counts: they go at once."""


class Keep(Struct, frozen=True, kw_only=True):
    """How long (ms) and how many of what ended in one way are kept; `NEVER` = for ever."""

    outputs_ms: int = NEVER
    rows_ms: int = NEVER
    jobs: int = NEVER
    """Of one workflow, the newest."""


class KeepBoth(Struct, frozen=True, kw_only=True):
    """What is kept of what succeeded, and of what failed or was cancelled."""

    succeeded: Keep = Keep(outputs_ms=30 * DAY_MS, rows_ms=90 * DAY_MS)
    failed: Keep = Keep(outputs_ms=365 * DAY_MS, rows_ms=365 * DAY_MS)

    def of(self, status: str) -> Keep:
        """Return what holds for a final status; what was skipped counts as succeeded."""
        return self.failed if status in ("failed", "cancelled") else self.succeeded


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """What is kept, also of single workflows; `archive` = a folder for rows before they go."""

    usual: KeepBoth = KeepBoth()
    workflows: Mapping[str, KeepBoth] = field(default_factory=dict)
    archive: str = ""
    history_ms: int = 365 * DAY_MS
    """Of what belongs to no job: events of the engine and of purges, fires, documents, keys, failures."""
    ledger_ms: int = NEVER
    """After so long entries of purged attempts are summed up by month."""

    def of(self, workflow: str | None) -> KeepBoth:
        """Return what holds for a workflow, or (None) for loose tasks."""
        return self.usual if workflow is None else self.workflows.get(workflow, self.usual)

    def forgotten_before(self, what: Forgettable, *, now: int) -> int | None:
        """Return up to when what belongs to no job is forgotten (ms UTC); None = never.

        Whole days: one pass of a day has something to forget, and notes that in the history.
        """
        kept = self.ledger_ms if what is Forgettable.ENTRIES else self.history_ms
        return None if kept == NEVER else (now - kept) // DAY_MS * DAY_MS


class RetentionState(Struct, frozen=True, kw_only=True):
    """Where retention stands; times of the wall clock in ms UTC, but for `looked_at` (engine time)."""

    noticed_at: int | None = None
    applied_at: int | None = None
    applied_by: str | None = None
    looked_at: int | None = None
    looked_offset: int | None = None
    looked_boot: str | None = None
    passed_at: int | None = None
    found: JsonObject = field(default_factory=dict)
    """What the last pass would have taken, or took."""

    def may_take(self, wall: int) -> bool:
        """Return whether its notice is old enough, or an operator applied it."""
        if self.applied_at is not None:
            return True
        return self.noticed_at is not None and wall >= self.noticed_at + NOTICE_MS

    def has_seen(self, *, now: int, offset: int, boot: str) -> bool:
        """Return whether the wall clock stands long enough as it does, without a step ahead since."""
        if self.looked_at is None or self.looked_offset is None or self.looked_boot != boot:
            return False
        return self.looked_offset - offset <= STEP_MS and now - self.looked_at >= SECOND_LOOK_MS

    def must_look(self, *, offset: int, boot: str) -> bool:
        """Return whether the wall clock has to be looked at for the first time."""
        if self.looked_at is None or self.looked_offset is None or self.looked_boot != boot:
            return True
        return self.looked_offset - offset > STEP_MS


class RetentionView(Struct, frozen=True, kw_only=True):
    """What is kept for how long, and where retention stands."""

    state: RetentionState
    policy: RetentionPolicy


class EndedJob(Struct, frozen=True, kw_only=True):
    """A job that has ended."""

    id: int
    name: str
    status: str
    finished_at: int
    place: int = 0
    """Among those of its name and kind of end, the newest is 1; 0 = not counted."""


class EndedTask(Struct, frozen=True, kw_only=True):
    """A task that has ended; `workflow` is the name of its job, None of a loose one."""

    id: int
    workflow: str | None
    status: str
    finished_at: int
