"""Jobs and tasks as of an earlier time: columns, JSON shapes, counts.

Used by the commands and the console.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.filters.fields import Noun
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.values import JsonObject, iso_or_none, to_iso
from core.render.columns import COLUMNS, Column, Form

_CREATED = Column(name="created", title="CREATED", form=Form.CLOCK, path="created_at", width=16, priority=2)
_SINCE = Column(name="since", title="SINCE", form=Form.CLOCK, path="since", width=16, priority=1)
_KNOWN = {noun: {column.name: column for column in COLUMNS[noun]} for noun in (Noun.JOBS, Noun.TASKS)}
PAST_JOBS = (
    *(_KNOWN[Noun.JOBS][name] for name in ("id", "name", "status", "tasks")),
    _CREATED,
    _KNOWN[Noun.JOBS]["actor"],
)
PAST_TASKS = (
    *(_KNOWN[Noun.TASKS][name] for name in ("id", "job")),
    replace(_KNOWN[Noun.TASKS]["key"], path="key"),
    _KNOWN[Noun.TASKS]["status"],
    _SINCE,
    *(_KNOWN[Noun.TASKS][name] for name in ("queue", "uses", "name", "group")),
)


def past_text(past: PastView) -> str:
    """Write how many jobs and tasks stood where, and what is missing, on one line."""
    return "; ".join(past_lines(past))


def past_lines(past: PastView) -> tuple[str, str]:
    """Write how many jobs stood where, and tasks with what is missing in both."""
    missing = f"{past.missing:,} missing (deleted since), " if past.missing else ""
    return f"jobs {_counts_text(past.jobs)}", f"tasks {missing}{_counts_text(past.tasks)}"


def _counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in counts.items()) or "none"


def past_job_shape(job: PastJob, *, at: int) -> JsonObject:
    """Return a job of an earlier moment as `jobs --at --json` has it."""
    return {
        "as_of": to_iso(at),
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "tasks": dict(job.tasks),
        "created_at": iso_or_none(job.created_at),
        "actor": job.actor,
    }


def past_task_shape(task: PastTask, *, at: int) -> JsonObject:
    """Return a task of an earlier moment as `tasks --at --json` has it; `since` = its status began."""
    return {
        "as_of": to_iso(at),
        "id": task.id,
        "job": task.job_id,
        "key": task.key,
        "name": task.name,
        "status": task.status,
        "queue": task.queue,
        "uses": task.uses,
        "group": task.group,
        "created_at": iso_or_none(task.created_at),
        "since": iso_or_none(task.since),
    }
