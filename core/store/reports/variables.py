"""Variables: those of a job, with their values and who changed them.

Read by the control and the engine.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from core.model.stored_text import json_or_note
from core.model.views import VariableView
from core.store.reports.jobs import read_job
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source

_TYPES = text("SELECT name, type FROM variable WHERE job_id = :job")
_ALL = text(
    "SELECT v.name, v.type, v.value, v.task_id, t.key, v.changed_at FROM variable v"
    " LEFT JOIN task t ON t.id = v.task_id WHERE v.job_id = :job ORDER BY v.position"
)


class VariableReports:
    """The variables of jobs."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def types(self, job_id: int) -> Mapping[str, str | None]:
        """Return the type of each variable of a job; None = any value."""
        async with self._source.snapshot() as db:
            return {row.name: row.type for row in (await db.execute(_TYPES, {"job": job_id})).all()}

    async def of_job(self, job_id: int) -> tuple[VariableView, ...]:
        """Return the variables of a job in the order of its document; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_ALL, {"job": job_id})).all()
            if not rows:
                await read_job(db, job_id)
        return tuple([_view(row) for row in rows])


def _view(row: AnyRow) -> VariableView:
    return VariableView(
        name=row.name,
        type=row.type,
        value=json_or_note(row.value),
        task_id=row.task_id,
        key=row.key,
        changed_at=row.changed_at,
    )
