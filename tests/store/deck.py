"""A store that tests drive by groups of commands, without an engine."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.model.commands.work import Command, Complete, Enqueue, Submit
from core.model.limits.limits import Spent
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.plans import JobPlan, NeedPlan, OnTaskFailure, StagePlan, TaskPlan
from core.rules.writer import WRITER_RULES
from core.store.batch_report import Report
from core.store.transaction import Group, carry_out
from core.store.writer import Writer
from tests.support.empty_store import empty_store, open_copy
from tests.support.known_gauges import assert_gauges_are_as_stored

AGING = 10_000


class Deck:
    """A fresh store, its writer, and a clock that moves by 10 ms with each group."""

    def __init__(self, path: Path, *, fill: Callable[[Deck], None] | None = None) -> None:
        """Open a new store; `fill` fills it, once in this process for all that are filled by it."""
        self.path = path
        image, self.now = (empty_store(), 1_000) if fill is None else filled(fill)
        path.write_bytes(image)
        self.db = open_copy(path)
        self.db.execute("UPDATE engine SET epoch = 1")
        self.writer = Writer(connection=self.db, epoch=1, aging_step=AGING, rules=WRITER_RULES)
        self.report = Report()

    def do(self, *commands: Command, slots: int = 0) -> list[Any]:
        self.now += 10
        answers, self.report = carry_out(self.writer, Group(commands=commands, slots=slots, now=self.now))
        assert_gauges_are_as_stored(self.writer, self.db)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def claim(self, slots: int = 100) -> list[tuple[int, int]]:
        """Claim until so many are open; return (task, epoch) of the new ones."""
        self.do(slots=slots)
        return [(task.task_id, task.epoch) for task in self.report.claimed]

    def end(
        self, *attempts: tuple[int, int], outcome: Outcome | None = None, spent: Sequence[Spent] = ()
    ) -> None:
        result = Succeeded() if outcome is None else outcome
        self.do(
            *(
                Complete(task_id=task, epoch=epoch, outcome=result, spent=tuple(spent))
                for task, epoch in attempts
            )
        )

    def drain(self, slots: int = 100) -> None:
        """Run all that can run until nothing is claimed any more."""
        for _ in itertools.count():
            taken = self.claim(slots)
            if not taken:
                return
            self.end(*taken)

    def job(self, *stages: StagePlan, name: str = "work", **more: object) -> int:
        plan = JobPlan(name=name, stages=stages, **more)  # type: ignore[arg-type]
        (answer,) = self.do(Submit(plan=plan, actor="tester"))
        return answer.job_id  # type: ignore[union-attr]

    def loose(self, *tasks: TaskPlan, group: str | None = None) -> tuple[int, ...]:
        (answer,) = self.do(Enqueue(tasks=tasks, group=group, actor="tester"))
        return answer.task_ids  # type: ignore[union-attr]

    def change(self, sql: str, *args: object) -> None:
        """Change rows behind the commands' back; CHECKs and foreign keys look away."""
        self.db.execute("PRAGMA ignore_check_constraints = ON")
        self.db.execute("PRAGMA foreign_keys = OFF")
        changed = self.db.execute(sql, args).rowcount
        self.writer.capacity.forget_sets()
        assert changed != 0, "the change met no row"

    def close(self) -> None:
        self.db.close()


@cache
def filled(fill: Callable[[Deck], None]) -> tuple[bytes, int]:
    """Return the file of a store that is filled, and the time of its clock then."""
    with TemporaryDirectory() as folder:
        deck = Deck(Path(folder) / "filled.db")
        fill(deck)
        deck.close()
        return deck.path.read_bytes(), deck.now


def stage(*tasks: TaskPlan, name: str = "only") -> StagePlan:
    return StagePlan(name=name, tasks=tasks)


def task(key: str, *needs: str | NeedPlan, **more: object) -> TaskPlan:
    edges = tuple(need if isinstance(need, NeedPlan) else NeedPlan(key=need) for need in needs)
    return TaskPlan(key=key, uses="delay", needs=edges, **more)  # type: ignore[arg-type]


def failure(code: str = "exit", message: str = "it broke") -> Failed:
    return Failed(error=TaskError(code=code, message=message))


FINISH = OnTaskFailure.FINISH


def raw_rows(db: sqlite3.Connection, sql: str, *args: object) -> list[tuple]:
    return db.execute(sql, args).fetchall()
