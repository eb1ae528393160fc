"""What children begin with, and give out.

Read by the engine's conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.model.values import JsonObject
from core.store.reports.rows import object_of
from core.store.reports.source import Source

_ABOVE = text("SELECT documents, project FROM job WHERE id = :job")
_TEXT = text("SELECT body FROM workflow_text WHERE hash = :hash")
_OF_JOB = text("SELECT outputs FROM job WHERE id = :job AND status = 'succeeded'")
_OUTPUTS = text(
    "SELECT w.child_id AS job_id, j.outputs, j.is_worklet FROM awaited w JOIN job j ON j.id = w.child_id"
    " WHERE w.task_id = :task AND w.asks = 'outputs'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedText:
    """A document as it was when the root was submitted."""

    source: str
    text: str
    folder: str | None
    project: str | None
    """That of the job above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOutputs:
    """What a child that succeeded gives out, with its expressions."""

    job_id: int
    outputs: JsonObject
    is_worklet: bool = False


class ChildInputReports:
    """Reads the documents that jobs have pinned, and what children give out."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def pinned_text(self, job_id: int, reference: str) -> PinnedText | None:
        """Return the document that a job names so; None = it is not kept."""
        async with self._source.snapshot() as db:
            above = (await db.execute(_ABOVE, {"job": job_id})).one_or_none()
            pin = object_of(None if above is None else above.documents).get(reference)
            if above is None or not isinstance(pin, dict):
                return None
            body = (await db.execute(_TEXT, {"hash": pin.get("hash")})).scalar()
        if body is None:
            return None
        folder = pin.get("folder")
        return PinnedText(
            source=str(pin.get("source")),
            text=str(body),
            folder=folder if isinstance(folder, str) else None,
            project=above.project,
        )

    async def asked_outputs(self, task_id: int) -> AskedOutputs | None:
        """Return what the child of a task gives out; None = the task does not ask for it."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_OUTPUTS, {"task": task_id})).one_or_none()
        if row is None:
            return None
        outputs = object_of(row.outputs)
        return AskedOutputs(job_id=row.job_id, outputs=outputs, is_worklet=bool(row.is_worklet))

    async def outputs_of(self, job_id: int) -> AskedOutputs | None:
        """Return what a job that succeeded gives out; None = nothing, or it has not succeeded."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_OF_JOB, {"job": job_id})).one_or_none()
        asked = object_of(None if row is None else row.outputs)
        return AskedOutputs(job_id=job_id, outputs=asked) if asked else None
