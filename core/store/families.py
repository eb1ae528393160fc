"""Families: counts of failures of one kind, kept within a transaction.

Owned by `Batch`; the rows are read by the reports and verified by recount.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from core.model.failures import HOUR, HOURS, Family
from core.model.status import TaskStatus
from core.model.values import INBOX, JsonObject
from core.store.rows import Placed
from core.store.sql import ids, raw
from core.store.writer import Writer

MESSAGE_CHARS = 1_000
"""Characters that are kept of the newest message."""
KEPT = HOURS * HOUR
"""How long (ms) before the newest of a family its hours are kept."""

_NOTE = (
    "INSERT INTO family (id, code, pattern, message, task_id, first_at, last_at, failures)"
    " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET message = excluded.message, task_id = excluded.task_id,"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),"
    " failures = failures + excluded.failures"
)
_HOUR = (
    "INSERT INTO family_hour (family, at, n) VALUES (?, ?, ?)"
    " ON CONFLICT (family, at) DO UPDATE SET n = n + excluded.n"
)
_DELETE_OLD = "DELETE FROM family_hour WHERE family = ? AND at <= ?"
_FAMILIES = "SELECT id, family FROM task WHERE id IN (SELECT value FROM json_each(?)) AND family IS NOT NULL"
_MOVE = "UPDATE family SET failed = failed + ?, retrying = retrying + ?, jobs = jobs + ? WHERE id = ?"
_JOB = (
    "INSERT INTO family_job (family, job_id, n) VALUES (?, ?, ?)"
    " ON CONFLICT (family, job_id) DO UPDATE SET n = n + excluded.n RETURNING n"
)


@dataclass(slots=True)
class _Noted:
    """The failures of one family in a batch, and the newest of them."""

    family: Family
    message: str
    task_id: int
    number: int = 0


class _FamilyJob(NamedTuple):
    """A family, and a job that has tasks of it."""

    family: str
    job_id: int


class Families:
    """The failures of a batch, and the tasks that begin or cease to count for a family."""

    def __init__(self, writer: Writer, *, wall: int) -> None:
        self._db = writer.connection
        self._family_of = writer.rules.family_of
        self._wall = wall
        self._noted: dict[str, _Noted] = {}
        self._moved: dict[int, tuple[int, Counter[TaskStatus]]] = {}
        """By task: its job, and by how much it counts more or less in a status."""

    def note(self, error: JsonObject, task: Placed) -> str:
        """Count a failure; return the id of its family, which row and event of the task must hold."""
        family = self._family_of(error)
        noted = self._noted.setdefault(family.id, _Noted(family, "", 0))
        noted.message, noted.task_id = str(error.get("message") or ""), task.task_id
        noted.number += 1
        return family.id

    def id_of(self, error: JsonObject) -> str:
        """Return the id of the family of an error, and count nothing."""
        return self._family_of(error).id

    def move(self, task: Placed, status: TaskStatus, number: int) -> None:
        """Count a task in (1) or out (-1) of a status; its row says of which family it is at the end."""
        _, counts = self._moved.setdefault(task.task_id, (task.job_id, Counter()))
        counts[status] += number

    def flush(self) -> None:
        """Write what was noted; the rows of the tasks are written."""
        if self._noted:
            self._write_noted()
        if self._moved:
            self._write_moved()

    def _write_noted(self) -> None:
        hour = self._wall - self._wall % HOUR
        self._db.executemany(
            _NOTE,
            [
                (
                    noted.family.id,
                    raw(noted.family.code),
                    raw(noted.family.pattern),
                    raw(noted.message[:MESSAGE_CHARS]),
                    noted.task_id,
                    self._wall,
                    self._wall,
                    noted.number,
                )
                for noted in self._noted.values()
            ],
        )
        self._db.executemany(_HOUR, [(id_, hour, noted.number) for id_, noted in self._noted.items()])
        self._db.executemany(_DELETE_OLD, [(id_, hour - KEPT) for id_ in self._noted])
        self._noted.clear()

    def _write_moved(self) -> None:
        rows = self._db.execute(_FAMILIES, (ids(self._moved),)).fetchall()
        statuses: dict[str, Counter[TaskStatus]] = {}
        jobs: Counter[_FamilyJob] = Counter()
        for task_id, family in rows:
            job_id, counts = self._moved[task_id]
            statuses.setdefault(family, Counter()).update(counts)
            if job_id != INBOX:
                jobs[_FamilyJob(family, job_id)] += sum(counts.values())
        gained = self._write_jobs(jobs)
        changes = [
            (counts[TaskStatus.FAILED], counts[TaskStatus.RETRYING], gained[family], family)
            for family, counts in statuses.items()
        ]
        self._db.executemany(_MOVE, [change for change in changes if any(change[:3])])
        self._moved.clear()

    def _write_jobs(self, jobs: Counter[_FamilyJob]) -> Counter[str]:
        """Count the tasks of jobs; return by how many jobs each family has more or less."""
        gained: Counter[str] = Counter()
        for (family, job_id), number in jobs.items():
            if not number:
                continue
            ((tasks,),) = self._db.execute(_JOB, (family, job_id, number)).fetchall()
            if tasks == number:
                gained[family] += 1
            elif not tasks:
                self._db.execute("DELETE FROM family_job WHERE family = ? AND job_id = ?", (family, job_id))
                gained[family] -= 1
        return gained
