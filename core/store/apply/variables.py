"""Variables of jobs: the first values, and what tasks set.

Called by the submission and by the completions.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.patterns.variables import VariablePlan
from core.model.redaction import redacted
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import pack, raw, unpack

_DECLARE = "INSERT INTO variable (job_id, name, position, type, value) VALUES (?, CAST(? AS TEXT), ?, ?, ?)"
_READ = (
    "SELECT name, value FROM variable WHERE job_id = ? AND name IN (SELECT value FROM json_each(?))"
    " ORDER BY position"
)
_SET = (
    "UPDATE variable SET value = ?, task_id = ?, changed_at = ? WHERE job_id = ? AND name = CAST(? AS TEXT)"
)


def declare_variables(batch: Batch, job_id: int, variables: Sequence[VariablePlan]) -> None:
    """Write the variables of a new job; its first event tells them."""
    rows = [
        (job_id, raw(one.name), position, one.type, pack(one.value)) for position, one in enumerate(variables)
    ]
    batch.many(_DECLARE, rows)


def set_variables(batch: Batch, subject: Subject, values: JsonObject) -> None:
    """Give variables of a job other values, one event each; those that keep theirs have none.

    `subject` is the task that does so. Names that the job does not have are passed over.
    """
    for name, before in batch.rows(_READ, subject.job_id, pack([*values])):
        after = pack(values[name])
        if after == before:
            continue
        batch.run(_SET, after, subject.task_id, batch.wall, subject.job_id, raw(name))
        told: JsonObject = {
            "variable": name,
            "was": redacted(name, unpack(before)),
            "value": redacted(name, values[name]),
        }
        batch.event("variable.set", subject, actor=None, data=told)
