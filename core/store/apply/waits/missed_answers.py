"""Errors of tasks whose answer did not come in time.

Used by the answers.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.outcomes import TaskError
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.sql import unpack

MISSED = (
    "w.name, w.key, w.job_id, w.job_key, w.job_name, w.wanted, w.path, w.every_ms,"
    " (SELECT a.seen FROM attempt a WHERE w.every_ms IS NOT NULL AND a.task_id = t.id AND a.epoch = t.epoch),"
    " (SELECT id FROM work_item WHERE task_id = t.id AND outcome IS NULL), w.child_id"
)
"""The columns of `Missed`, in its order."""
_NEVER = "no such job was submitted"


class Missed(NamedTuple):
    """What a task has waited for in vain."""

    name: str | None
    key: str | None
    job_id: int | None
    job_key: str | None
    job_name: str | None
    wanted: str | None
    path: str | None
    every_ms: int | None
    seen: str | None
    item: int | None
    child_id: int | None

    @property
    def failure(self) -> TaskError:
        """What its task fails with, and why."""
        if self.item is not None:
            message = f"work item {self.item} had no answer within the `timeout` of its task"
            return _late("human.timeout", message, {"item": self.item})
        if self.name is not None:
            of = f" with the key {safe_line(self.key)}" if self.key else ""
            return _late("signal.timeout", f"the signal {safe_line(self.name)}{of} did not come in time")
        if self.wanted is not None:
            return self._of_job()
        if self.path is not None:
            message = f"the file {safe_line(self.path)} was not there in time, or did not stay as it was"
            return _late("file.timeout", message)
        if self.every_ms is not None:
            seen = unpack(self.seen)
            facts: JsonObject = {"seen": seen} if isinstance(seen, dict) else {}
            return _late("poll.timeout", "what `poll.until` waits for did not come in time", facts)
        return _late("timeout", "its time did not come in time")

    def _of_job(self) -> TaskError:
        if self.job_id is not None:
            return _late("job.timeout", f"job {self.job_id} did not end in time", {"job": self.job_id})
        what = f"with the key {self.job_key}" if self.job_key is not None else f"named {self.job_name}"
        return _late("job.timeout", f"the job {safe_line(what)} did not end in time: {_NEVER}")


def _late(code: str, message: str, facts: JsonObject | None = None) -> TaskError:
    return TaskError(code=code, message=message, facts=facts or {})
