"""Expectations: silence is told once, success ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.model.commands.purges import Purge, SweepPurged
from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    EditSchedule,
    Fire,
    MissExpectations,
    PauseSchedule,
    RemoveSchedule,
)
from core.model.commands.work import Submit
from core.model.plans import JobPlan
from core.model.records import replace
from core.model.timing.schedule_views import ExpectationView
from core.model.timing.schedules import FireKind, FirePolicy, NextFire, Schedule, Timing, Work
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.verify import verify
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings

NEXT = NextFire(at=2**40, wake_at=2**40)
SCHEDULE = Schedule(
    name="nightly", timing=Timing(every_ms=1_000), policy=FirePolicy(expect_ms=5_000), work=Work(text="x")
)


class Expecting(Deck):
    """A store whose clock is moved by hand between groups."""

    def ask(self, change: object) -> None:
        self.do(ChangeSchedule(change=change, actor="kim (cli)"))

    def add(self, schedule: Schedule = SCHEDULE, next_fire: NextFire | None = NEXT) -> None:
        self.ask(AddSchedule(schedule=schedule, next=next_fire, from_=0))

    def run(self, *, schedule_id: int | None = None, fails: bool = False, expect: int | None = None) -> None:
        """Run a job of the workflow `work` to its end."""
        plan = JobPlan(name="work", stages=(stage(task("a")),), definition_hash="x", expect_ms=expect)
        submit = Submit(plan=plan, actor="kim (cli)")
        if schedule_id is None:
            self.do(submit)
        else:
            kind = FireKind.MANUAL
            self.do(Fire(schedule_id=schedule_id, at=self.now, kind=kind, submit=submit, actor="kim (cli)"))
        if fails:
            self.end(*self.claim(), outcome=failure())
        self.drain()

    def miss(self, *ids: int) -> int:
        (number,) = self.do(MissExpectations(ids=ids or (1,)))
        return number

    def told(self) -> list[str]:
        kinds = self.db.execute("SELECT kind FROM event WHERE kind GLOB 'expectation.*' ORDER BY id")
        return [kind.removeprefix("expectation.") for (kind,) in kinds]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Expecting]:
    made = Expecting(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


@pytest.fixture
async def reports(deck: Expecting) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers, now=lambda: deck.now)
    await readers.close()


def test_silence_is_told_once_and_ends_with_a_success(deck: Expecting) -> None:
    deck.add()
    assert deck.miss() == 0
    deck.now += 5_000
    assert (deck.miss(), deck.miss()) == (1, 0)
    deck.run(schedule_id=1, fails=True)
    assert deck.told() == ["set", "missed"]
    deck.run(schedule_id=1)
    assert (deck.told(), deck.miss()) == (["set", "missed", "met"], 0)
    deck.now += 4_000
    deck.run(schedule_id=1)
    deck.now += 4_000
    assert (deck.miss(), deck.told()[3:]) == (0, [])
    deck.now += 1_100
    assert (deck.miss(), deck.told()[3:]) == (1, ["missed"])


def test_a_success_that_ended_silence_stays_known_when_its_job_is_purged(deck: Expecting) -> None:
    deck.add()
    deck.now += 6_000
    assert deck.miss() == 1
    deck.run(schedule_id=1)
    ((job_id,),) = deck.db.execute("SELECT id FROM job WHERE id > 1").fetchall()
    deck.do(Purge(job_ids=(job_id,)))
    while deck.do(SweepPurged())[0]:
        continue
    assert deck.db.execute("SELECT count(*) FROM job WHERE id > 1").fetchone() == (0,)
    assert deck.told() == ["set", "missed", "met"]


def test_what_is_expected_changes_with_the_schedule_and_goes_with_it(deck: Expecting) -> None:
    deck.add()
    deck.now += 6_000
    deck.miss()
    edited = replace(SCHEDULE, work=Work(text="y"))
    deck.ask(EditSchedule(schedule=edited, next=NEXT, from_=0))
    assert deck.told() == ["set", "missed"]
    longer = replace(SCHEDULE, policy=FirePolicy(expect_ms=9_000))
    deck.ask(EditSchedule(schedule=longer, next=NEXT, from_=0))
    assert (deck.told(), deck.miss()) == (["set", "missed", "set"], 0)
    deck.ask(EditSchedule(schedule=replace(SCHEDULE, policy=FirePolicy()), next=NEXT, from_=0))
    assert deck.told()[3:] == ["removed"]
    deck.ask(EditSchedule(schedule=SCHEDULE, next=NEXT, from_=0))
    deck.ask(RemoveSchedule(name="nightly"))
    deck.now += 6_000
    assert (deck.told()[4:], deck.miss(1, 2)) == (["set", "removed"], 0)


async def test_a_paused_schedule_is_silent_and_one_without_a_next_time_is_not(
    deck: Expecting, reports: Reports
) -> None:
    deck.add()
    deck.ask(PauseSchedule(name="nightly"))
    deck.add(replace(SCHEDULE, name="once"), None)
    deck.run(expect=7_000)
    deck.now += 6_000
    assert (await reports.health.now()).silent == ("schedule nightly",)
    assert deck.miss(1, 2) == 1
    deck.now += 9_000
    health = await reports.health.now()
    assert (health.silent, health.silent_since) == (("schedule nightly", "workflow work"), 7_080)


def test_the_newest_document_of_a_workflow_says_what_is_expected_of_it(deck: Expecting) -> None:
    deck.run()
    assert deck.told() == []
    deck.run(expect=5_000)
    deck.run(expect=5_000)
    deck.now += 6_000
    assert (deck.miss(), deck.told()) == (1, ["set", "missed"])
    deck.run(expect=5_000)
    deck.run(expect=7_000)
    deck.run()
    assert deck.told()[2:] == ["met", "set", "removed"]
    deck.loose(task("a"))


async def outlook(reports: Reports, deck: Expecting) -> tuple[bool, int | None]:
    seen = await reports.schedules.outlook(wall=0, now=deck.now)
    return seen.is_now, seen.overdue_at


async def test_readers_see_silence_before_it_is_told_and_when_the_next_would_be(
    deck: Expecting, reports: Reports
) -> None:
    deck.add()
    set_at = deck.now
    deck.run(expect=9_000)
    assert await outlook(reports, deck) == (False, set_at + 5_000)
    (view,) = await reports.schedules.all()
    assert view.expected == ExpectationView(every_ms=5_000, since=set_at)
    deck.now = set_at + 5_000
    assert await reports.schedules.overdue(deck.now) == (1,)
    assert (await outlook(reports, deck))[0]
    view = await reports.schedules.one("nightly")
    assert view.expected == ExpectationView(every_ms=5_000, since=set_at, silent_since=set_at + 5_000)
    deck.miss()
    assert await reports.schedules.overdue(deck.now) == ()
    (workflow,) = await reports.schedules.expected_workflows()
    assert (workflow.workflow, workflow.every_ms, workflow.silent_since) == ("work", 9_000, None)
    assert await outlook(reports, deck) == (False, workflow.since + 9_000)


def test_the_doctor_sees_an_expectation_that_the_events_do_not_tell(tmp_path: Path) -> None:
    deck = Expecting(tmp_path / "broken.db")
    deck.add()
    deck.run(expect=5_000)
    for broken, restored, code in (
        ("missed_at = 7", "missed_at = NULL", "expectation.wrong"),
        ("every_ms = 7", "every_ms = 5000", "expectation.schedule"),
    ):
        deck.change(f"UPDATE expectation SET {broken} WHERE id = 1")
        assert code in {found.code for found in verify(deck.db)}
        deck.change(f"UPDATE expectation SET {restored} WHERE id = 1")
    assert findings(deck.db) == ()
    deck.now += 6_000
    deck.miss(1, 2)
    deck.run(expect=5_000)
    deck.change("DELETE FROM event WHERE kind = 'expectation.met'")
    deck.change("UPDATE expectation SET missed_at = 7 WHERE id = 2")
    assert {found.code for found in verify(deck.db)} == {"expectation.success"}
    deck.change("DELETE FROM expectation")
    assert "expectation.wrong" in {found.code for found in verify(deck.db)}
    deck.close()
