"""A store that a test drives by commands, without an engine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from core.model.commands.work import (
    Claimed,
    ComeDue,
    Command,
    Complete,
    Enqueue,
    FollowUp,
    Operated,
    Submit,
    Submitted,
)
from core.model.outcomes import Accept, Decision, Outcome, Succeeded
from core.model.plans import JobPlan, TaskPlan
from core.model.records import replace
from core.model.values import JsonValue
from core.rules.writer import WRITER_RULES
from core.store.batch_report import Report
from core.store.database import _connect, open_writer
from core.store.engine_time import read_time
from core.store.epochs import begin_epoch
from core.store.transaction import Group, carry_out
from core.store.writer import Writer
from tests.support.empty_store import empty_store, open_copy
from tests.support.known_gauges import assert_gauges_are_as_stored
from tests.support.manual_time import saved

AGING = 10_000
"""ms of waiting that weigh as much as one level of priority."""
TABLES = (
    "job",
    "stage",
    "queue",
    "lane",
    "task",
    "edge",
    "attempt",
    "counter",
    "ended",
    "followup",
    "payload",
)


class Deck:
    """One store and its writer; the moment moves by 10 ms with each group."""

    offset = 0
    """How far engine time is ahead of the wall clock, ms."""

    def __init__(self, path: Path, *, now: int = 1_000) -> None:
        self.path = path
        self.now = now
        if path.exists():
            self.db = open_writer(path, synchronous="NORMAL", now=now)
        else:
            # Those who look for it find it whole, or not at all.
            whole = path.with_suffix(".new")
            whole.write_bytes(empty_store())
            whole.rename(path)
            self.db = open_copy(path)
        self.epoch = begin_epoch(self.db, time=saved(now), before=None, pid=1).epoch
        self.report = Report()
        self.reports: list[Report] = []

    @staticmethod
    def reading(path: Path) -> sqlite3.Connection:
        """Return a connection of its own that sees what is committed."""
        return _connect(path, "NORMAL")

    @property
    def writer(self) -> Writer:
        return Writer(connection=self.db, epoch=self.epoch, aging_step=AGING, rules=WRITER_RULES)

    def ask(self, *commands: Command, slots: int = 0) -> list[Any]:
        """Carry out one group; refusals are among the answers."""
        self.now += 10
        group = Group(commands=commands, slots=slots, now=self.now, offset=self.offset)
        answers, self.report = carry_out(self.writer, group)
        assert_gauges_are_as_stored(self.writer, self.db)
        self.reports.append(self.report)
        return answers

    def do(self, *commands: Command, slots: int = 0) -> list[Any]:
        """Carry out one group; raise its first refusal."""
        answers = self.ask(*commands, slots=slots)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def operate(self, command: Command) -> Operated:
        (answer,) = self.do(command)
        assert isinstance(answer, Operated)
        return answer

    def submit(self, plan: JobPlan, *, actor: str = "tester") -> int:
        (answer,) = self.do(Submit(plan=plan, actor=actor))
        assert isinstance(answer, Submitted)
        return answer.job_id

    def enqueue(self, *plans: TaskPlan, group: str | None = None) -> tuple[int, ...]:
        (answer,) = self.do(Enqueue(tasks=plans, group=group, actor="tester"))
        return answer.task_ids  # type: ignore[union-attr]

    def claim(self, slots: int = 1_000) -> list[Claimed]:
        """Claim until so many attempts are open; return the new ones in order of choice."""
        self.do(slots=slots)
        return self.report.claimed

    def claim_keys(self, slots: int = 1_000) -> list[str]:
        return [claimed.key for claimed in self.claim(slots)]

    def end(self, key: str | int, outcome: Outcome | None = None, decision: Decision | None = None) -> None:
        """Close the open attempt of a task, named by key or id; default: it succeeded."""
        self.do(self.completion(key, outcome, decision))

    def completion(
        self, key: str | int, outcome: Outcome | None = None, decision: Decision | None = None
    ) -> Complete:
        task_id = self.id(key) if isinstance(key, str) else key
        ((epoch,),) = self.rows("SELECT epoch FROM task WHERE id = ?", task_id)
        return Complete(
            task_id=task_id, epoch=epoch, outcome=outcome or Succeeded(), decision=decision or Accept()
        )

    def end_all(self, claimed: Iterable[Claimed], outcome: Outcome | None = None) -> None:
        self.do(
            *(Complete(task_id=c.task_id, epoch=c.epoch, outcome=outcome or Succeeded()) for c in claimed)
        )

    def settle(self, most: int = 100) -> int:
        """Follow up until nothing is left over; return how many batches that took."""
        for batches in range(most):
            if not self.report.left_over:
                return batches
            self.do(FollowUp())
        raise AssertionError(f"consequences are left over after {most} batches")

    def settle_once(self) -> None:
        """Take up what is left over, in one batch."""
        self.do(FollowUp())

    def drain(self, *, slots: int = 1_000, fail: Callable[[str], Outcome | None] = lambda _: None) -> None:
        """Run all that can run; `fail` gives the outcome for a key, None = it succeeds."""
        while claimed := self.claim(slots):
            self.do(
                *(
                    Complete(task_id=c.task_id, epoch=c.epoch, outcome=fail(c.key) or Succeeded())
                    for c in claimed
                )
            )
            self.settle()

    def come_due(self, at: int) -> None:
        """Move to a moment and queue what is due then."""
        self.now = at
        self.do(ComeDue())

    def crash(self) -> None:
        """Forget this writer as a kill would, and go on as the next engine on the same file."""
        self.db.close()
        self.db = open_writer(self.path, synchronous="NORMAL", now=self.now)
        time = replace(saved(self.now), offset=self.offset)
        self.epoch = begin_epoch(self.db, time=time, before=read_time(self.db), pid=2).epoch
        self.report = Report()

    def rows(self, sql: str, *args: object) -> list[tuple]:
        return self.db.execute(sql, args).fetchall()

    def value(self, sql: str, *args: object) -> object:
        ((value,),) = self.rows(sql, *args)
        return value

    def id(self, key: str) -> int:
        """Return the id of the newest task of that key."""
        return int(self.rows("SELECT id FROM task WHERE key = ? ORDER BY id DESC LIMIT 1", key)[0][0])

    def status(self, key: str | int) -> str:
        column = "id" if isinstance(key, int) else "key"
        return str(
            self.rows(f"SELECT status FROM task WHERE {column} = ? ORDER BY id DESC LIMIT 1", key)[0][0]
        )

    def statuses(self, job_id: int) -> dict[str, str]:
        return dict(self.rows("SELECT key, status FROM task WHERE job_id = ? ORDER BY id", job_id))

    def job_status(self, job_id: int) -> str:
        return str(self.value("SELECT status FROM job WHERE id = ?", job_id))

    def stages(self, job_id: int) -> list[str]:
        return [
            row[0] for row in self.rows("SELECT status FROM stage WHERE job_id = ? ORDER BY position", job_id)
        ]

    def column(self, key: str | int, name: str) -> object:
        task_id = self.id(key) if isinstance(key, str) else key
        return self.value(f"SELECT {name} FROM task WHERE id = ?", task_id)

    def attempts(self, key: str) -> list[str]:
        sql = "SELECT status FROM attempt WHERE task_id = ? ORDER BY epoch"
        return [row[0] for row in self.rows(sql, self.id(key))]

    def history(self, *, job: int | None = None, task: str | None = None) -> list[str]:
        """Return the kinds of events of a job, of a task by key, or of all, in order."""
        if task is not None:
            return self._kinds("task_id = ?", self.id(task))
        return self._kinds("1") if job is None else self._kinds("job_id = ?", job)

    def _kinds(self, condition: str, *args: object) -> list[str]:
        return [row[0] for row in self.rows(f"SELECT kind FROM event WHERE {condition} ORDER BY id", *args)]

    def told(self, kind: str, *, without: Iterable[str] = ()) -> list[JsonValue]:
        """Return what the events of a kind carry, in order, apart from some of their fields."""
        told = [
            json.loads(row[0] or "{}")
            for row in self.rows("SELECT data FROM event WHERE kind = ? ORDER BY id", kind)
        ]
        return [{name: value for name, value in one.items() if name not in set(without)} for one in told]

    def picture(self) -> dict[str, list[tuple]]:
        """Return every row of every table but the events."""
        return {table: sorted(self.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}

    def events(self) -> list[tuple]:
        """Return all events but for their ids, in an order of their own."""
        sql = "SELECT at, kind, job_id, task_id, attempt, actor, data FROM event"
        return sorted(self.rows(sql), key=repr)


def clone(deck: Deck, path: Path) -> Deck:
    """Return a deck on a copy of this one's store, at the same moment and epoch."""
    copy = object.__new__(Deck)
    copy.path, copy.now, copy.epoch = path, deck.now, deck.epoch
    copy.db = _connect(path, "NORMAL")
    deck.db.backup(copy.db)
    copy.report, copy.reports = Report(), []
    return copy
