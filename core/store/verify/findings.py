"""Verify a store: integrity check, recount of counters, events folded into rows.

Called by `doctor` and by the tests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias

from core.model.values import INBOX, INBOX_STAGE, JsonObject, JsonValue
from core.store.readers import open_readonly
from core.store.verify.check import Check
from core.store.verify.checks import CHECKS
from core.store.verify.fold import COLUMNS, Fact, Folded, fold
from core.store.verify.fold_jobs import FoldedJob
from core.store.verify.fold_variables import variables_at_fault
from core.store.verify.row_rules import BrokenRule, broken_rules
from core.store.verify.stored_texts import unreadable_texts
from core.store.verify.text_bytes import undecodable_texts
from core.store.wait_codes import UNDRAINED

_told = attrgetter(*COLUMNS)
MOST = 20
"""Findings of one code at the most; where one row is wrong, thousands may be."""
_PAGES_LIMIT = 20
_NO_JSON = "malformed JSON"

_EVENTS = (
    "SELECT task_id, at, kind, attempt, actor, data FROM event INDEXED BY event_task"
    " WHERE task_id IS NOT NULL ORDER BY task_id, id"
)
_TASKS = f"SELECT id, {', '.join(COLUMNS)} FROM task ORDER BY id"
_OTHERS = (
    "SELECT at, kind, job_id, actor, data FROM event WHERE task_id IS NULL AND job_id IS NOT NULL ORDER BY id"
)
_JOBS = f"SELECT id, {', '.join(FoldedJob.COLUMNS)} FROM job WHERE id != {INBOX}"
_STAGES = f"SELECT id, status, position FROM stage WHERE id != {INBOX_STAGE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong in a store: a stable code, one sentence, ids and figures."""

    code: str
    message: str
    facts: JsonObject = field(default_factory=dict)


Findings: TypeAlias = tuple[Finding, ...]


def verify(connection: sqlite3.Connection) -> Findings:
    """Return what is wrong with a store, at most `MOST` findings of a code; empty = all is well.

    Checks the file (`store.corrupt`, `store.dangling`), recounts (`checks`), and folds the events
    into the rows of all tasks, jobs and stages (`fold.*`). Reads one snapshot, changes nothing; the
    connection needs `core.store.sql.decode` as its `text_factory`.
    """
    own = not connection.in_transaction
    if own:
        connection.execute("BEGIN")
    try:
        return tuple(_capped(_findings(connection)))
    finally:
        if own and connection.in_transaction:
            connection.execute("ROLLBACK")


def verify_read_only(connection: sqlite3.Connection) -> Findings:
    """Verify a store that is opened for reading alone: also what SQLite leaves out there (`store.rule`)."""
    broken: list[BrokenRule] = []
    # What cannot be read is named below.
    with suppress(sqlite3.DatabaseError):
        broken += [one.broken for one in undecodable_texts(connection, most=MOST)]
        broken += broken_rules(connection, most=MOST)
    return (*(Finding(code="store.rule", **one._asdict()) for one in broken), *verify(connection))


def verify_path(path: Path) -> Findings:
    """Do the same with a store file; raise `Unavailable` where it cannot be read as one."""
    connection = open_readonly(path)
    try:
        return verify_read_only(connection)
    finally:
        connection.close()


class UndrainedQueue(NamedTuple):
    """A queue that no pool drains, and how many tasks wait in it."""

    name: str
    tasks: int


def undrained_queues(path: Path) -> list[UndrainedQueue]:
    """Return the queues whose tasks wait because no pool drains them; raise as `verify_path` does."""
    connection = open_readonly(path)
    try:
        return [UndrainedQueue(str(queue), int(tasks)) for queue, tasks in connection.execute(UNDRAINED)]
    finally:
        connection.close()


def _capped(findings: Iterator[Finding]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for finding in findings:
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= MOST:
            yield finding


def _findings(db: sqlite3.Connection) -> Iterator[Finding]:
    try:
        yield from _integrity(db)
        unreadable = list(unreadable_texts(db, most=MOST))
        yield from (Finding(code="store.unreadable", **one._asdict()) for one in unreadable)
        for check in CHECKS:
            yield from _recount(db, check, without=_NO_JSON if unreadable else "")
        yield from _fold_tasks(db)
        yield from _fold_others(db)
        for facts in variables_at_fault(db):
            message = "a variable of a job differs from its events"
            yield Finding(code="fold.variable", message=message, facts=facts)
    except sqlite3.DatabaseError as error:
        yield Finding(code="store.corrupt", message=f"reading failed: {error}")


def _integrity(db: sqlite3.Connection) -> Iterator[Finding]:
    for (verdict,) in db.execute(f"PRAGMA integrity_check({_PAGES_LIMIT})"):
        if verdict != "ok":
            yield Finding(code="store.corrupt", message=str(verdict))
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield Finding(
            code="store.dangling",
            message="a row points to another that is gone",
            facts={"table": table, "row": row, "parent": parent},
        )


def _recount(db: sqlite3.Connection, check: Check, *, without: str) -> Iterator[Finding]:
    """Yield what a check finds; one that fails with the message `without` is left out: that is named."""
    try:
        cursor = db.execute(check.sql)
        names = [column[0] for column in cursor.description]
        for row in islice(cursor, MOST):
            facts: JsonObject = dict(zip(names, row, strict=True))
            yield Finding(code=check.code, message=check.message, facts=facts)
    except sqlite3.OperationalError as error:
        if str(error) != without:
            raise


def _fold_tasks(db: sqlite3.Connection) -> Iterator[Finding]:
    """Walk tasks and events side by side, both in order of task; events of purged tasks are passed over."""
    histories = groupby(db.execute(_EVENTS), key=itemgetter(0))
    current = next(histories, None)
    for task_id, *stored in db.execute(_TASKS):
        while current is not None and current[0] < task_id:
            current = next(histories, None)
        if current is None or current[0] != task_id:
            yield Finding(code="fold.unborn", message="a task has no events", facts={"task": task_id})
            continue
        yield from _compare(task_id, stored, [Fact(*event[1:]) for event in current[1]])
        current = next(histories, None)


def _compare(task_id: int, stored: list[JsonValue], facts: list[Fact]) -> Iterator[Finding]:
    try:
        row = fold(facts)
    except (KeyError, ValueError) as error:
        yield Finding(
            code="fold.event",
            message="an event cannot be folded",
            facts={"task": task_id, "reason": str(error)},
        )
        return
    if row is None:
        yield Finding(
            code="fold.unborn",
            message="a task's events do not start with its creation",
            facts={"task": task_id},
        )
        return
    folded = _columns(row)
    if folded != stored:
        kept: JsonObject = dict(zip(COLUMNS, stored, strict=True))
        events: JsonObject = dict(zip(COLUMNS, folded, strict=True))
        differing = [name for name in COLUMNS if kept[name] != events[name]]
        yield Finding(
            code="fold.task",
            message=f"a task's row differs from its events in {', '.join(differing)}",
            facts={
                "task": task_id,
                "row": {name: kept[name] for name in differing},
                "events": {name: events[name] for name in differing},
            },
        )


def _columns(row: Folded) -> list[JsonValue]:
    return list(_told(row))


def _fold_others(db: sqlite3.Connection) -> Iterator[Finding]:
    jobs: dict[int, FoldedJob] = {}
    stages: dict[int, str] = {}
    for at, kind, job_id, actor, data in db.execute(_OTHERS):
        noun, _, status = kind.partition(".")
        fact = Fact(at=at, kind=kind, attempt=None, actor=actor, data=data)
        if noun == "job":
            jobs.setdefault(job_id, FoldedJob()).take(fact)
        elif noun == "stage" and isinstance(stage := fact.values.get("stage"), int):
            stages[stage] = status
    for job_id, *stored in db.execute(_JOBS):
        folded_job = jobs.get(job_id, FoldedJob())
        if folded_job.columns != stored:
            yield _differs("job", job_id, stored, folded=folded_job.columns)
    for stage_id, status, position in db.execute(_STAGES):
        folded = stages.get(stage_id, "pending" if position else "open")
        if folded != status:
            yield _differs("stage", stage_id, status, folded=folded)


def _differs(noun: str, number: int, row: JsonValue, *, folded: JsonValue) -> Finding:
    return Finding(
        code=f"fold.{noun}",
        message=f"the status of a {noun}, or who changed it and why, differs from its events",
        facts={noun: number, "row": row, "events": folded},
    )
