"""Events: immutable facts with a rising id, written with their cause.

Made by the store's reports; shown by the console and the command `events`.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.noise import noise_of
from core.model.status import ATTEMPT, JOB, STAGE, TASK
from core.model.values import JsonObject

BIRTHS = ("job.created", "task.created")
"""Kinds that carry a new row; the fold starts there."""
MARKS = (
    "task.stop_requested",
    "task.prioritised",
    "task.duplicate",
    "task.judged_late",
    "task.looked",
    "task.exhausted",
    "task.slow",
    "task.silent",
    "orphan.found",
    "orphan.kept",
    "orphan.left",
    "fault.found",
    "fault.repaired",
    "family.acknowledged",
    "family.unacknowledged",
    "queue.paused",
    "queue.resumed",
    "backend.shut",
    "backend.opened",
    "backend.probed",
    "backend.closed",
    "backend.reset",
    "backend.up",
    "backend.slow",
    "backend.down",
    "backend.unknown",
    "capacity.configured",
    "config.changed",
    "config.refused",
    "pool.resized",
    "pool.paused",
    "pool.resumed",
    "pool.reset",
    "limit.set",
    "limit.reset",
    "limit.soft",
    "budget.spent",
    "budget.freed",
    "gauge.corrected",
    "spending.frozen",
    "spending.unfrozen",
    "spending.reconciled",
    "engine.started",
    "engine.stop_requested",
    "engine.resumed",
    "engine.health",
    "engine.blocked",
    "engine.stopped",
    "store.restored",
    "claims.closed",
    "clock.stepped",
    "once.refused",
    "usage.ignored",
    "price.unknown",
    "schedule.added",
    "schedule.edited",
    "schedule.removed",
    "schedule.paused",
    "schedule.resumed",
    "fire.submitted",
    "fire.waiting",
    "fire.skipped",
    "fire.missed",
    "fire.failed",
    "expectation.set",
    "expectation.missed",
    "expectation.met",
    "expectation.removed",
    "finally.cut",
    "output.cut",
    "call.abandoned",
    "call.ended",
    "signal.received",
    "item.claimed",
    "item.released",
    "item.delegated",
    "item.commented",
    "item.approved",
    "item.denied",
    "item.reminded",
    "item.escalated",
    "item.overdue",
    "variable.set",
    "artifact.kept",
    "task.poll_failed",
    "task.worklet",
    "task.decided",
    "job.paused_above",
    "job.resumed_above",
    "job.awaits_place",
    "job.took_place",
    "workflow.added",
    "workflow.removed",
    "job.pinned",
    "job.unpinned",
    "task.pinned",
    "task.unpinned",
    "job.purged",
    "task.purged",
    "outputs.removed",
    "history.forgotten",
    "retention.noticed",
    "retention.applied",
    "notice.sent",
    "notice.failed",
)
"""Kinds that change no status of a row: what was asked, seen, told or switched."""
MOVED: tuple[str, ...] = tuple(
    dict.fromkeys(
        move.event
        for table in (JOB.values(), STAGE.values(), TASK.values(), ATTEMPT.values())
        for move in table
        if move.event
    )
)
"""Kinds that moves write, in the order of the table."""
KINDS = (*BIRTHS, *MOVED, *MARKS)
"""Every kind an event may have."""


class EventView(Struct, frozen=True, kw_only=True):
    """One event as readers see it; `at` in ms UTC, `attempt` the epoch it speaks of."""

    id: int
    at: int
    kind: str
    job_id: int | None
    task_id: int | None
    key: str | None
    attempt: int | None
    actor: str | None
    data: JsonObject

    @property
    def noise(self) -> int:
        """How near to every single step it is (`core.model.noise`)."""
        return noise_of(self.kind, self.actor)
