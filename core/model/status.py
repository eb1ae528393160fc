"""Statuses of job, stage, task, attempt, and the table of legal moves.

Used by the store's moves, by the rules, and wherever a status is shown.

From this table come the guards and CHECKs of the store, the event kinds, the state diagram of the
README and the exhaustive test. A move asked for outside the table is a bug.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    """Admitted; nothing of it was claimed yet."""
    RUNNING = "running"
    """At least one task was claimed."""
    PAUSED = "paused"
    """An operator asked that nothing more of it is claimed."""
    ENDING = "ending"
    """The verdict is in; what still runs is being stopped."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StageStatus(StrEnum):
    """Where a stage, a barrier, stands."""

    PENDING = "pending"
    """An earlier stage is not closed."""
    OPEN = "open"
    """Its tasks may run."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    """All its tasks were skipped, or it has none."""


class TaskStatus(StrEnum):
    """Where a task stands."""

    BLOCKED = "blocked"
    """Waits for needs, its stage, or the judgement of its `when`, limits and cost."""
    QUEUED = "queued"
    """May be claimed as soon as its lane is open and a slot is free."""
    RUNNING = "running"
    """Claimed; exactly one attempt is open."""
    RETRYING = "retrying"
    """Waits outside a slot until `retry_at`."""
    WAITING = "waiting"
    """Outside a slot until an answer from elsewhere comes, or a moment."""
    HELD = "held"
    """An operator, or `on_loss: ask`, keeps it from being claimed."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    """Its `when` was false, a need did not succeed, or an exit code or an answer says so."""


class AttemptStatus(StrEnum):
    """How one execution of a task stands or ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its end was not observed."""
    INTERRUPTED = "interrupted"
    """The engine stopped and ended it."""
    BOUNCED = "bounced"
    """The hand-off failed before the start."""
    PARKED = "parked"
    """It asked to wait outside a slot."""


S = TypeVar("S", bound=StrEnum)


class Move(Struct, Generic[S], frozen=True, kw_only=True):
    """A named legal change of status: sources, target and the kind of its event ('' = none)."""

    name: str
    sources: frozenset[S]
    target: S
    event: str

    @property
    def source(self) -> S:
        """Return the status it leaves; ValueError where it has several (`leaving` names one)."""
        (source,) = self.sources
        return source

    def leaving(self, source: S) -> Move[S]:
        """Return this move out of one of its sources."""
        if source not in self.sources:
            raise ValueError(f"{self.name} does not leave {source}")
        return replace(self, sources=frozenset({source}))


def _move(name: str, sources: set[S], target: S, event: str) -> Move[S]:
    return Move(name=name, sources=frozenset(sources), target=target, event=event)


_J, _G, _T, _A = JobStatus, StageStatus, TaskStatus, AttemptStatus

JOB_FINAL = frozenset({_J.SUCCEEDED, _J.FAILED, _J.CANCELLED})
STAGE_FINAL = frozenset({_G.SUCCEEDED, _G.FAILED, _G.CANCELLED, _G.SKIPPED})
TASK_FINAL = frozenset({_T.SUCCEEDED, _T.FAILED, _T.CANCELLED, _T.SKIPPED})
TASK_IDLE = frozenset(set(TaskStatus) - TASK_FINAL - {_T.RUNNING})
TASK_PACED = (_T.RUNNING, _T.QUEUED, _T.RETRYING)
"""In which tasks go on at the pace of slots; others wait for what has a time of its own."""
"""Neither running nor ended: such a task waits for something; a span of it that has no end takes no time."""
ATTEMPT_FINAL = frozenset(set(AttemptStatus) - {_A.RUNNING})

JOB_MOVES: tuple[Move[JobStatus], ...] = (
    _move("start", {_J.PENDING}, _J.RUNNING, "job.running"),
    _move("pause", {_J.PENDING, _J.RUNNING}, _J.PAUSED, "job.paused"),
    _move("resume", {_J.PAUSED}, _J.RUNNING, "job.running"),
    _move("resume_unstarted", {_J.PAUSED}, _J.PENDING, "job.pending"),
    _move("verdict", {_J.PENDING, _J.RUNNING, _J.PAUSED}, _J.ENDING, "job.ending"),
    _move("end_failed", {_J.ENDING}, _J.FAILED, "job.failed"),
    _move("end_cancelled", {_J.ENDING}, _J.CANCELLED, "job.cancelled"),
    _move("succeed", {_J.RUNNING, _J.PAUSED}, _J.SUCCEEDED, "job.succeeded"),
    _move("reopen", set(JOB_FINAL), _J.RUNNING, "job.running"),
)

STAGE_MOVES: tuple[Move[StageStatus], ...] = (
    _move("open", {_G.PENDING}, _G.OPEN, "stage.open"),
    _move("close_succeeded", {_G.PENDING, _G.OPEN}, _G.SUCCEEDED, "stage.succeeded"),
    _move("close_failed", {_G.PENDING, _G.OPEN}, _G.FAILED, "stage.failed"),
    _move("close_cancelled", {_G.PENDING, _G.OPEN}, _G.CANCELLED, "stage.cancelled"),
    _move("close_skipped", {_G.PENDING, _G.OPEN}, _G.SKIPPED, "stage.skipped"),
    _move("reopen", set(STAGE_FINAL), _G.OPEN, "stage.open"),
    _move("reopen_pending", set(STAGE_FINAL), _G.PENDING, "stage.pending"),
)

TASK_MOVES: tuple[Move[TaskStatus], ...] = (
    _move("unblock", {_T.BLOCKED}, _T.QUEUED, "task.queued"),
    _move("claim", {_T.QUEUED}, _T.RUNNING, "task.claimed"),
    _move("succeed", {_T.RUNNING}, _T.SUCCEEDED, "task.succeeded"),
    _move("retry_later", {_T.RUNNING}, _T.RETRYING, "task.retry_scheduled"),
    _move("come_due", {_T.RETRYING}, _T.QUEUED, "task.queued"),
    _move("give_up", {_T.RUNNING, _T.QUEUED, _T.BLOCKED, _T.HELD}, _T.FAILED, "task.failed"),
    _move("bounce", {_T.RUNNING}, _T.QUEUED, "task.bounced"),
    _move("interrupt", {_T.RUNNING}, _T.QUEUED, "task.interrupted"),
    _move("park", {_T.RUNNING}, _T.WAITING, "task.parked"),
    _move("wake", {_T.WAITING}, _T.QUEUED, "task.queued"),
    _move("await_answer", {_T.BLOCKED}, _T.WAITING, "task.waiting"),
    _move("answer_succeeded", {_T.WAITING}, _T.SUCCEEDED, "task.succeeded"),
    _move("answer_failed", {_T.WAITING}, _T.FAILED, "task.failed"),
    _move("answer_skipped", {_T.WAITING}, _T.SKIPPED, "task.skipped"),
    _move("succeed_empty", {_T.BLOCKED}, _T.SUCCEEDED, "task.succeeded"),
    _move("await_worklet", {_T.RUNNING}, _T.WAITING, "task.waiting"),
    _move("hold", {_T.QUEUED, _T.RETRYING, _T.WAITING}, _T.HELD, "task.held"),
    _move("hold_lost", {_T.RUNNING}, _T.HELD, "task.held"),
    _move("unhold", {_T.HELD}, _T.QUEUED, "task.queued"),
    _move("unhold_later", {_T.HELD}, _T.RETRYING, "task.retry_scheduled"),
    _move("unhold_waiting", {_T.HELD}, _T.WAITING, "task.waiting"),
    _move(
        "cancel",
        {_T.BLOCKED, _T.QUEUED, _T.RETRYING, _T.WAITING, _T.HELD, _T.RUNNING},
        _T.CANCELLED,
        "task.cancelled",
    ),
    _move("skip", {_T.BLOCKED}, _T.SKIPPED, "task.skipped"),
    _move("skip_by_exit", {_T.RUNNING}, _T.SKIPPED, "task.skipped"),
    _move("rerun", set(TASK_FINAL), _T.QUEUED, "task.rerun"),
    _move("rerun_blocked", set(TASK_FINAL), _T.BLOCKED, "task.rerun"),
    _move("rerun_waiting", set(TASK_FINAL), _T.WAITING, "task.rerun"),
)

ATTEMPT_MOVES: tuple[Move[AttemptStatus], ...] = (
    _move("succeed", {_A.RUNNING}, _A.SUCCEEDED, ""),
    _move("fail", {_A.RUNNING}, _A.FAILED, "attempt.failed"),
    _move("time_out", {_A.RUNNING}, _A.TIMED_OUT, "attempt.timed_out"),
    _move("cancel", {_A.RUNNING}, _A.CANCELLED, "attempt.cancelled"),
    _move("lose", {_A.RUNNING}, _A.LOST, "attempt.lost"),
    _move("interrupt", {_A.RUNNING}, _A.INTERRUPTED, ""),
    _move("bounce", {_A.RUNNING}, _A.BOUNCED, ""),
    _move("park", {_A.RUNNING}, _A.PARKED, ""),
)

JOB: dict[str, Move[JobStatus]] = {move.name: move for move in JOB_MOVES}
STAGE: dict[str, Move[StageStatus]] = {move.name: move for move in STAGE_MOVES}
TASK: dict[str, Move[TaskStatus]] = {move.name: move for move in TASK_MOVES}
ATTEMPT: dict[str, Move[AttemptStatus]] = {move.name: move for move in ATTEMPT_MOVES}
