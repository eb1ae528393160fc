"""Columns of jobs and tasks as of an earlier time; their counts.

Used by the commands and the console.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.filters.fields import Noun
from core.model.past import PastView
from core.model.records import replace
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
