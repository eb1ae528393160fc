"""Repairs: find jobs that cannot go on, and repair or fail them.

Run by the janitor: at the start of an engine, and rarely after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.logs import bound, get_logger
from core.model.commands.work import FailJob, NoteFault, Recount, Repair
from core.model.text import safe_line
from core.model.values import INBOX
from core.store.journal import Journal
from core.store.reports.repairs import HopelessWait, MissingNeed, OpenNeed
from core.workflows.graph import cycles

_SHOWN = 10
"""Tasks of a circle that are named."""

_log = get_logger(__name__)


class Sweep(Protocol):
    """Where jobs that may need repair are found: the store's reports."""

    async def broken_jobs(self) -> tuple[int, ...]:
        """Return their ids, sorted."""

    async def wrong_counts(self) -> tuple[str, ...]:
        """Return the codes of what is counted wrong beside tasks, attempts and events."""

    async def hopeless_waits(self) -> list[HopelessWait]:
        """Return the tasks that wait for what never comes."""

    async def miscounted_jobs(self) -> tuple[int, ...]:
        """Return the ids of jobs, ended ones too, whose counts differ from their tasks."""

    async def missing_need(self, job_id: int) -> MissingNeed | None:
        """Return the first blocked task of a job that waits for one which is not there."""

    async def open_needs(self, job_id: int) -> list[OpenNeed]:
        """Return for what the blocked tasks of a job wait."""


class Repairs:
    """Find jobs that cannot go on by themselves, and make them go on or fail."""

    def __init__(self, journal: Journal, sweep: Sweep) -> None:
        self._journal = journal
        self._sweep = sweep
        self._told: set[int] = set()
        """Loose tasks that this engine has set aside."""
        self._unfailed: set[int] = set()
        """Jobs that could not be failed in this round."""
        self._unfailed_before: set[int] = set()
        """Those of the round before it."""
        self._named: set[int] = set()
        """Those of all rounds that are named."""

    async def run(self) -> None:
        """Repair what a sweep finds; each repair is an event. Raises where the store takes nothing."""
        self._unfailed_before, self._unfailed = self._unfailed, set()
        await self._repair_all(await self._sweep.broken_jobs())
        for one in await self._sweep.hopeless_waits():
            await self._give_up(one)

    async def recount(self) -> None:
        """Count tasks, run times, families and ends again where they are wrong; each repair is an event."""
        await self._repair_all(await self._sweep.miscounted_jobs())
        if codes := await self._sweep.wrong_counts():
            _log.warning("counted again", codes=list(codes))
            await self._journal.submit(Recount())

    async def _repair_all(self, jobs: Sequence[int]) -> None:
        for job_id in jobs:
            with bound(job=job_id):
                await self._repair(job_id)

    async def _give_up(self, one: HopelessWait) -> None:
        """Fail the job of a task that waits for what never comes; a loose task is set aside."""
        why = safe_line(one.why)
        if one.job_id != INBOX:
            await self._fail(one.job_id, f"task {one.key} {why}", task_id=one.task_id)
        elif one.task_id not in self._told:
            self._told.add(one.task_id)
            note = NoteFault(
                job_id=INBOX, task_id=one.task_id, message=f"it {why}; cancel it, or run it again"
            )
            await self._journal.submit(note)

    async def _fail(self, job_id: int, reason: str, *, task_id: int | None = None) -> None:
        """Fail a job that cannot go on; where that does not land in two rounds, its fault is named.

        In one round its verdict may have come while it was looked at.
        """
        if await self._journal.submit(FailJob(job_id=job_id, reason=reason)):
            return
        self._unfailed.add(job_id)
        if job_id in self._unfailed_before and job_id not in self._named:
            self._named.add(job_id)
            message = f"it has its verdict and does not end: {reason}; cancel that task, or kill the job"
            await self._journal.submit(NoteFault(job_id=job_id, task_id=task_id, message=message))

    async def _repair(self, job_id: int) -> None:
        repaired = await self._journal.submit(Repair(job_id=job_id))
        if repaired:
            _log.warning("repaired", repairs=repaired)
            return
        missing = await self._sweep.missing_need(job_id)
        if missing is not None:
            reason = (
                f"task {missing.task} ({missing.task_id}) needs task {missing.need_id}, which is not found"
            )
            await self._fail(job_id, reason, task_id=missing.task_id)
            return
        circle = _circle(await self._sweep.open_needs(job_id))
        if circle:
            await self._fail(job_id, _reason(circle))


def _circle(open_needs: Sequence[OpenNeed]) -> tuple[str, ...]:
    """Return tasks each of which waits for the next and the last for the first; () = there are none."""
    needs: dict[str, list[str]] = {}
    for edge in open_needs:
        needs.setdefault(edge.task, []).append(edge.need)
        needs.setdefault(edge.need, [])
    return next(iter(cycles(needs)), ())


def _reason(circle: Sequence[str]) -> str:
    shown = [*circle[:_SHOWN], *(["..."] if len(circle) > _SHOWN else []), circle[0]]
    return f"its tasks wait for each other in a circle: {' -> '.join(shown)}"
