"""Years of schedules whose jobs overlap, written by two engines.

Every decision of the store is compared with a plain account of what is open and what waits. Used by the
tests and by `tests/bench/overlaps.py`.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.model.commands.schedules import AddSchedule, ChangeSchedule, Fire, Fired, MissFires, StartFire
from core.model.commands.work import Cancel, Command, FollowUp, Submit
from core.model.plans import JobPlan
from core.model.timing.schedules import (
    QUEUED_MAX,
    CatchUp,
    FirePolicy,
    FireStatus,
    NextFire,
    Overlap,
    Schedule,
    Timing,
    Work,
)
from core.rules.fires import next_fire, plan_fires
from core.store.verify import verify
from core.timetables.timetable import timetable_of
from tests.store.deck import Deck, stage, task

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
POLICIES = tuple((overlap, catch_up) for overlap in Overlap for catch_up in CatchUp)
_JOB = Submit(plan=JobPlan(name="work", stages=(stage(task("a")),)), actor="schedule")


@dataclass(kw_only=True)
class Account:
    """What should be open, and wait, by plain reasoning."""

    overlap: Overlap
    open: set[int] = field(default_factory=set)
    waiting: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    """Those that waited, and were replaced."""

    def decide(self, at: int) -> FireStatus:
        """Return what should become of a fire."""
        if self.overlap is Overlap.ALLOW or not (self.open or self.waiting):
            return FireStatus.SUBMITTED
        if self.overlap is Overlap.SKIP:
            return FireStatus.SKIPPED
        if self.overlap is Overlap.REPLACE:
            self.skipped += self.waiting
            self.waiting = [at]
            return FireStatus.WAITING
        if len(self.waiting) >= QUEUED_MAX:
            return FireStatus.MISSED
        self.waiting.append(at)
        return FireStatus.WAITING


class OverlapRun:
    """One schedule, engines that are down at times, and take over from each other amid a decision."""

    def __init__(self, path: Path, overlap: Overlap, catch_up: CatchUp, *, seed: int) -> None:
        self.deck = Deck(path)
        self.chance = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.account = Account(overlap=overlap)
        self.expected: dict[int, FireStatus] = {}
        self.begin = self.deck.now = DAY
        policy = FirePolicy(overlap=overlap, catch_up=catch_up, window_ms=3 * DAY, most=5)
        self.schedule = Schedule(
            name="s", timing=Timing(every_ms=6 * HOUR), policy=policy, work=Work(text="x")
        )
        self.table = timetable_of(self.schedule.timing)
        self.handled = self.begin
        self.ends: dict[int, tuple[int, int, int]] = {}
        """By job: when it ends, its task and epoch."""
        first = next_fire(self.schedule, self.table, self.begin)
        self.ask(ChangeSchedule(change=AddSchedule(schedule=self.schedule, next=first, from_=self.begin)))

    def ask(self, command: Command) -> Any:
        (answer,) = self.deck.do(command)
        while self.deck.report.left_over:
            self.deck.do(FollowUp())
        return answer

    def run(self, length: int) -> None:
        """Run for so long (ms); an engine is down one time in eight, for up to six days."""
        now = self.begin
        while now < self.begin + length:
            at = self.table.next_after(now)
            moments = [end for end, _, _ in self.ends.values()]
            now = min([*moments, *([] if at is None else [at])])
            if self.chance.random() < 0.125:
                now += self.chance.randrange(6 * DAY)
            self.deck.now = now
            self._end_jobs(now)
            self._fire(now)
            self._settle(now)
        self._compare()

    def close(self) -> None:
        self.deck.close()

    def _end_jobs(self, now: int) -> None:
        for job, (end, task_id, epoch) in sorted(self.ends.items(), key=lambda item: item[1]):
            if end <= now:
                self.deck.end((task_id, epoch))
                while self.deck.report.left_over:
                    self.deck.do(FollowUp())
                del self.ends[job]
                self.account.open.discard(job)

    def _fire(self, now: int) -> None:
        """Decide what is due as the loop of schedules does; another engine may come between."""
        handled = self.handled
        plan = plan_fires(self.schedule, self.table, handled=handled, now=now)
        if not plan.due:
            miss = MissFires(
                schedule_id=1, after=handled, handled=plan.handled, passed=plan.passed, next=plan.next
            )
            self.ask(miss)
            if plan.passed:
                self._late(miss)
            self.handled = plan.handled
            return
        commands, after, passed = [], handled, plan.passed
        following = [NextFire(at=at, wake_at=at) for at in plan.due[1:]]
        for at, then in zip(plan.due, [*following, plan.next], strict=True):
            commands.append(Fire(schedule_id=1, at=at, after=after, next=then, passed=passed, submit=_JOB))
            after, passed = at, ()
        taken_over = self.chance.randrange(2 * len(commands))
        for number, command in enumerate(commands):
            self._decided(command, self.ask(command))
            if number == taken_over:
                # The next engine reads the store and goes on; the first one ends what it had begun.
                again = plan_fires(self.schedule, self.table, handled=command.at, now=now)
                if again.due != plan.due[number + 1 :] or again.passed:
                    self.faults["the second engine plans something else"] += 1
            self._late(command)
        self.handled = plan.handled

    def _late(self, command: Fire | MissFires) -> None:
        """Let the other engine carry out the same, as it was read before: nothing may come of it."""
        if self.chance.random() < 0.5 and self.ask(command).status is not None:
            self.faults["decided twice"] += 1

    def _decided(self, command: Fire, answer: Fired) -> None:
        wanted = self.account.decide(command.at)
        if answer.status is not wanted:
            self.faults[f"{answer.status} instead of {wanted}"] += 1
        self.told[wanted] += 1
        self.expected[command.at] = wanted
        if answer.job_id is not None:
            self._begin(answer.job_id)

    def _begin(self, job: int) -> None:
        self.account.open.add(job)
        for task_id, epoch in self.deck.claim():
            self.ends[job] = (self.deck.now + self.chance.randrange(30 * MINUTE, 20 * HOUR), task_id, epoch)

    def _settle(self, now: int) -> None:
        """Cancel what is replaced, and start what waited for nothing any more."""
        if self.account.overlap is Overlap.REPLACE and self.account.waiting:
            for job in sorted(self.account.open):
                self.ask(Cancel(job_id=job, reason="replaced"))
                _, task_id, epoch = self.ends[job]
                self.ends[job] = (now + self.chance.randrange(MINUTE, 5 * MINUTE), task_id, epoch)
        if self.account.waiting and self.account.open:
            start = StartFire(schedule_id=1, at=self.account.waiting[0], submit=_JOB)
            if self.ask(start).status is not None:
                self.faults["started beside an open job"] += 1
        while self.account.waiting and not self.account.open:
            at = self.account.waiting.pop(0)
            start = StartFire(schedule_id=1, at=at, submit=_JOB)
            answer = self.ask(start)
            if answer.status is not FireStatus.SUBMITTED:
                self.faults["what waited does not start"] += 1
                return
            self.expected[at] = FireStatus.SUBMITTED
            self._begin(answer.job_id)
            if self.ask(start).status is not None:
                self.faults["started twice"] += 1

    def _compare(self) -> None:
        """Compare all rows: each time is decided by one row, those that were due as they should be."""
        for at in self.account.skipped:
            self.expected[at] = FireStatus.SKIPPED
        rows = self.deck.db.execute(
            "SELECT at, coalesce(since, at), n, status FROM fire ORDER BY at"
        ).fetchall()
        last = self.begin
        for at, since, number, status in rows:
            listed = sum(1 for _ in self.table.between(since, at + 1, 10**6))
            if since <= last or listed != number:
                self.faults["a row covers other times than it says"] += 1
            if sum(1 for _ in self.table.between(last + 1, since, 10**6)):
                self.faults["never decided"] += 1
            last = at
            wanted = self.expected.get(at, FireStatus.MISSED)
            if status != wanted:
                self.faults[f"row {status} instead of {wanted}"] += 1
        if (found := verify(self.deck.db)) != ():
            self.faults["doctor"] += len(found)
