"""Refusals for jobs and tasks that do not exist.

Raised by the reports of this room.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import NotFound

_NEWEST_TASK = text("SELECT id FROM task ORDER BY id DESC LIMIT 1")
_NEWEST_JOBS = text("SELECT id FROM job ORDER BY id DESC LIMIT 3")


async def unknown_job(db: AsyncConnection, job_id: int) -> NotFound:
    """Return the refusal of an unknown job; it names the newest ones."""
    newest = list((await db.execute(_NEWEST_JOBS)).scalars())
    return NotFound(
        "job.unknown",
        f"job {job_id} does not exist",
        hint=f"the newest is {newest[0]}; 'taskdeck jobs' lists them",
        facts={"job": job_id, "near": newest},
    )


async def unknown_task(db: AsyncConnection, ref: str) -> NotFound:
    """Return the refusal of an unknown task; it names the newest one."""
    newest = (await db.execute(_NEWEST_TASK)).scalar()
    return NotFound(
        "task.unknown",
        f"task {ref} does not exist",
        hint="nothing was submitted yet"
        if newest is None
        else f"the newest is {newest}; 'taskdeck tasks' lists them",
        facts={"task": ref, "near": [] if newest is None else [newest]},
    )
