"""Refusals for jobs and tasks that do not exist.

Raised by the reports of this room.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import NotFound
from core.model.purges import purged_refusal
from core.model.stored_text import json_or_note
from core.model.values import ID_MAX, to_iso

_DIGITS = 19
"""Of a number that is too long for an id."""
_NEWEST_TASK = text("SELECT id FROM task ORDER BY id DESC LIMIT 1")
_NEWEST_JOBS = text("SELECT id FROM job ORDER BY id DESC LIMIT 3")


_JOB_PURGED = text(
    "SELECT at, actor, data, kind FROM event INDEXED BY event_job WHERE job_id = :id AND job_id > 1"
    " AND :noun = 'job' AND kind = 'job.purged' LIMIT 1"
)
_IDS_PURGED = text(
    "SELECT e.at, e.actor, e.data, e.kind FROM purged p JOIN event e ON e.id = p.event WHERE p.noun = :noun"
    " AND p.first = (SELECT max(first) FROM purged WHERE noun = :noun AND first <= :id) AND p.last >= :id"
)


async def unknown_job(db: AsyncConnection, job_id: int) -> NotFound:
    """Return the refusal of an unknown job: when it was purged and by whom, or the newest ones."""
    for sql in (_JOB_PURGED, _IDS_PURGED):
        if purged := await _purged(db, sql, job_id, noun="job"):
            return purged
    newest = list((await db.execute(_NEWEST_JOBS)).scalars())
    return NotFound(
        "job.unknown",
        f"job {job_id} does not exist",
        hint=f"the newest is {newest[0]}; 'taskdeck jobs' lists them",
        facts={"job": job_id, "near": newest},
    )


async def unknown_task(db: AsyncConnection, ref: str) -> NotFound:
    """Return the refusal of an unknown task: when it was purged and by whom, or the newest one."""
    job, slash, _ = ref.partition("/")
    looks = ((_JOB_PURGED, job, "job"), (_IDS_PURGED, job, "job")) if slash else ((_IDS_PURGED, ref, "task"),)
    for sql, said, noun in looks:
        named = _number_or_ref(said)
        number = named if isinstance(named, int) else 0
        if purged := await _purged(db, sql, number, noun=noun):
            return purged
    newest = (await db.execute(_NEWEST_TASK)).scalar()
    return NotFound(
        "task.unknown",
        f"task {ref} does not exist",
        hint="nothing was submitted yet"
        if newest is None
        else f"the newest is {newest}; 'taskdeck tasks' lists them",
        facts={"task": _number_or_ref(ref), "near": [] if newest is None else [newest]},
    )


def _number_or_ref(ref: str) -> int | str:
    """Return an id as a number, a key as it is."""
    return int(ref) if ref.isascii() and ref.isdigit() and len(ref) < _DIGITS else ref


async def _purged(db: AsyncConnection, sql: TextClause, number: int, *, noun: str) -> NotFound | None:
    row = (await db.execute(sql, {"id": number, "noun": noun})).first() if 0 < number <= ID_MAX else None
    if row is None:
        return None
    data = json_or_note(row.data)
    told = data if isinstance(data, dict) else {}
    if row.kind == "history.forgotten":
        before = told.get("until")
        return NotFound(
            f"{noun}.purged",
            f"{noun} {number} was purged before {to_iso(before if isinstance(before, int) else row.at)}",
            hint="who did it and why was deleted: `history` in [retention]",
            facts={noun: number, **told},
        )
    return purged_refusal(noun, number, at=row.at, actor=row.actor, facts=told)
