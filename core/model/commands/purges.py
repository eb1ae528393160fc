"""Commands that keep, empty and remove what has ended, and their results.

Made by the control and by retention; carried out by the store.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from core.model.commands.work import ENGINE, Command, Operation, RowRef
from core.model.refusals import Refusal
from core.model.values import JsonObject


class PurgeCause(StrEnum):
    """What brought it that outputs or rows go."""

    OPERATOR = "operator"
    AGE = "age"
    NUMBER = "number"
    SIZE = "size"
    QUOTA = "quota"


class Pin(Operation, frozen=True, kw_only=True):
    """Keep a job with all its tasks, or tasks, from being purged."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _named(self.job_id, self.task_ids)


class Unpin(Operation, frozen=True, kw_only=True):
    """Let a job, or tasks, be purged again."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _named(self.job_id, self.task_ids)


class Purged(Struct, frozen=True, kw_only=True):
    """What one purge took: jobs as a whole, tasks, events; what it left alone and why."""

    jobs: int = 0
    tasks: int = 0
    events: int = 0
    refused: tuple[Refusal, ...] = ()
    left: tuple[int, ...] = ()
    """Jobs of the command that it did not get to, or not to the end."""
    files: tuple[int, ...] = ()
    """Tasks whose attempt directories are to be removed now."""


class Purge(Command[Purged], frozen=True, kw_only=True):
    """Remove ended jobs as a whole, or ended loose tasks, as many rows as fit into one batch."""

    job_ids: tuple[int, ...] = ()
    task_ids: tuple[int, ...] = ()
    cause: PurgeCause = PurgeCause.OPERATOR
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        jobs = (RowRef("job", job_id) for job_id in self.job_ids)
        return (*jobs, *(RowRef("task", task_id) for task_id in self.task_ids))


class SweepPurged(Command[int], frozen=True, kw_only=True):
    """Remove the rows of purged jobs that have no tasks any more; answered with how many it removed."""


class SweepPayloads(Command[int], frozen=True, kw_only=True):
    """Remove texts that no row names; those that one was made to name since `before` (engine time) stay."""

    hashes: tuple[str, ...]
    before: int


class Shrink(Command[int], frozen=True, kw_only=True):
    """Give free pages of the store back to the disk, as many as fit; answered with the rest."""


class SizedOutputs(Struct, frozen=True, kw_only=True):
    """The attempt directories of a task, and what they take in bytes."""

    task_id: int
    size: int


class RemoveOutputs(Command[Purged], frozen=True, kw_only=True):
    """Decide that the outputs of ended tasks go; the directories are removed after the commit."""

    outputs: tuple[SizedOutputs, ...]
    cause: PurgeCause = PurgeCause.OPERATOR
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return tuple(RowRef("task", one.task_id) for one in self.outputs)


class FilesRemoved(Command[None], frozen=True, kw_only=True):
    """Note that the directories of tasks which were to be removed are gone."""

    task_ids: tuple[int, ...]


class RetentionStep(StrEnum):
    """What is noted of retention."""

    LOOKED = "looked"
    """It saw the wall clock as it stands for the first time."""
    NOTICED = "noticed"
    """It told what it would take."""
    APPLIED = "applied"
    """An operator lets it take that at once."""
    PASSED = "passed"
    """It went through all that is there."""


class NoteRetention(Command[None], frozen=True, kw_only=True):
    """Note a step of retention in its row, and what others should know in an event."""

    step: RetentionStep
    boot: str = ""
    """The boot in which the clock was looked at."""
    facts: JsonObject = field(default_factory=dict)
    actor: str = ENGINE


def _named(job_id: int | None, task_ids: tuple[int, ...]) -> tuple[RowRef, ...]:
    job = () if job_id is None else (RowRef("job", job_id),)
    return (*(RowRef("task", task_id) for task_id in task_ids), *job)
