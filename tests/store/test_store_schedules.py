"""Schedules: changes with their cause, each time decided once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    EditSchedule,
    Fire,
    Fired,
    MissFires,
    Passed,
    PauseSchedule,
    RemoveSchedule,
    ResumeSchedule,
    SkipFire,
    StartFire,
)
from core.model.commands.work import Cancel, FollowUp, Operated, Submit
from core.model.errors import Bug, Conflict, NotFound
from core.model.plans import JobPlan
from core.model.timing.schedules import (
    FireKind,
    FirePolicy,
    FireStatus,
    NextFire,
    Overlap,
    Schedule,
    Timing,
    Work,
)
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.schedules import Outlook
from core.store.verify import verify
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings

SUBMITTED, WAITING, SKIPPED, MISSED, FAILED = (
    FireStatus.SUBMITTED,
    FireStatus.WAITING,
    FireStatus.SKIPPED,
    FireStatus.MISSED,
    FireStatus.FAILED,
)
JOB = Submit(plan=JobPlan(name="nightly", stages=(stage(task("a")),)), actor="schedule nightly")


class Schedules(Deck):
    """A store with one schedule, which fires each 100 ms."""

    def add(self, overlap: Overlap = Overlap.SKIP, name: str = "nightly") -> int:
        schedule = Schedule(
            name=name,
            timing=Timing(every_ms=1_000),
            policy=FirePolicy(overlap=overlap),
            work=Work(text="name: nightly"),
        )
        self.ask(AddSchedule(schedule=schedule, next=NextFire(at=100, wake_at=100), from_=0))
        ((schedule_id,),) = self.db.execute("SELECT max(id) FROM schedule").fetchall()
        return schedule_id

    def ask(self, change: object, reason: str = "") -> Operated:
        (answer,) = self.do(ChangeSchedule(change=change, reason=reason, actor="kim (cli)"))
        return answer

    def fire(self, at: int, *, after: int, **more: object) -> Fired:
        command = Fire(
            schedule_id=more.pop("schedule_id", 1),
            at=at,
            after=after,
            next=NextFire(at=at + 100, wake_at=at + 100),
            submit=more.pop("submit", JOB),
            **more,
        )
        (answer,) = self.do(command)
        return answer

    def start(self, at: int) -> Fired:
        (answer,) = self.do(StartFire(schedule_id=1, at=at, submit=JOB))
        return answer

    def finish(self) -> None:
        """End all that runs or waits."""
        self.drain()
        while self.report.left_over:
            self.do(FollowUp())

    def fires(self) -> list[tuple]:
        return self.db.execute("SELECT at, status, kind, n FROM fire ORDER BY at, kind").fetchall()

    def told(self, kinds: str = "fire.*") -> list[str]:
        return [kind for (kind,) in self.db.execute("SELECT kind FROM event WHERE kind GLOB ?", (kinds,))]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Schedules]:
    made = Schedules(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def test_a_time_is_decided_once_and_its_job_is_of_the_schedule(deck: Schedules) -> None:
    deck.add()
    first = deck.fire(100, after=0)
    assert (first.status, first.job_id) == (SUBMITTED, 2)
    assert deck.fire(100, after=0) == Fired(status=None)
    assert deck.db.execute("SELECT schedule_id, actor FROM job WHERE id = 2").fetchall() == [
        (1, "schedule nightly")
    ]
    assert deck.db.execute("SELECT handled_at, due_at FROM schedule").fetchall() == [(100, 200)]
    assert deck.told() == ["fire.submitted"]


def test_of_two_engines_that_fire_at_once_one_submits(deck: Schedules) -> None:
    deck.add()
    both = Fire(schedule_id=1, at=100, after=0, next=NextFire(at=200, wake_at=200), submit=JOB)
    answers = deck.do(both, both)
    assert [answer.status for answer in answers] == [SUBMITTED, None]
    # One that read the schedule as it stood before.
    assert deck.fire(150, after=0) == Fired(status=None)
    assert deck.db.execute("SELECT count(*) FROM job WHERE id > 1").fetchone() == (1,)


@pytest.mark.parametrize("kind", [FireKind.TIMED, FireKind.MANUAL, FireKind.BACKFILL])
def test_a_fire_that_is_not_written_is_undone_with_its_job_and_its_time(
    deck: Schedules, kind: FireKind
) -> None:
    deck.add()
    deck.db.execute("CREATE TRIGGER lost BEFORE INSERT ON fire BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(Bug, match="could not be written") as caught:
        deck.fire(100, after=0, kind=kind)
    assert (caught.value.code, caught.value.facts) == ("fire.undecided", {"schedule": "nightly", "at": 100})
    assert deck.db.execute("SELECT count(*) FROM job WHERE id > 1").fetchone() == (0,)
    assert deck.db.execute("SELECT handled_at, due_at FROM schedule").fetchall() == [(0, 100)]
    assert deck.told("*.submitted") == []
    deck.db.execute("DROP TRIGGER lost")
    assert deck.fire(100, after=0, kind=kind).status is SUBMITTED


def test_what_passed_before_a_fire_is_missed_in_one_row(deck: Schedules) -> None:
    deck.add()
    passed = Passed(number=7, first=100, last=700, reason="no engine ran")
    assert deck.fire(800, after=0, passed=(passed,)).status is SUBMITTED
    assert deck.fires() == [(700, MISSED, "timed", 7), (800, SUBMITTED, "timed", 1)]
    (answer,) = deck.do(
        MissFires(schedule_id=1, after=800, handled=900, passed=(Passed(number=1, first=900, last=900),))
    )
    assert answer.status is MISSED
    assert deck.db.execute("SELECT handled_at, due_at, wake_at FROM schedule").fetchall() == [
        (900, None, None)
    ]
    (again,) = deck.do(
        MissFires(schedule_id=1, after=800, handled=950, passed=(Passed(number=1, first=950, last=950),))
    )
    assert again.status is None
    assert len(deck.fires()) == 3


@pytest.mark.parametrize(
    ("overlap", "status"),
    [(Overlap.SKIP, SKIPPED), (Overlap.QUEUE, WAITING), (Overlap.ALLOW, SUBMITTED)],
)
def test_a_fire_meets_the_job_of_an_earlier_one(
    deck: Schedules, overlap: Overlap, status: FireStatus
) -> None:
    deck.add(overlap)
    deck.fire(100, after=0)
    assert deck.fire(200, after=100).status is status
    deck.finish()
    assert deck.fire(300, after=200).status is (WAITING if overlap is Overlap.QUEUE else SUBMITTED)


def test_fires_that_queue_start_in_order_when_what_they_wait_for_has_ended(deck: Schedules) -> None:
    deck.add(Overlap.QUEUE)
    for at in (100, 200, 300):
        deck.fire(at, after=at - 100)
    assert deck.start(200) == Fired(status=None)
    deck.finish()
    assert deck.start(300) == Fired(status=None)
    assert deck.start(200).status is SUBMITTED
    assert deck.start(200) == Fired(status=None)
    assert deck.start(300) == Fired(status=None)
    deck.finish()
    assert deck.start(300).status is SUBMITTED


def test_a_hundred_fires_wait_and_no_more(deck: Schedules) -> None:
    deck.add(Overlap.QUEUE)
    for number in range(102):
        last = deck.fire(100 + number, after=99 + number if number else 0)
    assert (last.status, last.reason) == (MISSED, "100 fires wait already")


def test_a_fire_that_replaces_names_the_jobs_to_cancel_and_skips_what_waited(deck: Schedules) -> None:
    deck.add(Overlap.REPLACE)
    deck.fire(100, after=0)
    assert deck.fire(200, after=100).status is WAITING
    assert deck.fire(300, after=200).status is WAITING
    assert [row[1] for row in deck.fires()] == [SUBMITTED, SKIPPED, WAITING]
    deck.do(Cancel(job_id=2))
    while deck.report.left_over:
        deck.do(FollowUp())
    assert deck.start(300).status is SUBMITTED


def test_a_workflow_that_is_refused_makes_the_fire_fail(deck: Schedules) -> None:
    deck.add()
    answer = deck.fire(100, after=0, submit=None, reason="flow.yaml is gone")
    assert (answer.status, answer.reason) == (FAILED, "flow.yaml is gone")
    assert deck.db.execute("SELECT reason FROM fire").fetchall() == [("flow.yaml is gone",)]
    assert deck.fire(200, after=100).status is SUBMITTED


def test_a_trigger_leaves_the_next_time_alone_and_a_backfill_is_never_repeated(deck: Schedules) -> None:
    deck.add()
    assert deck.fire(150, after=0, kind=FireKind.MANUAL).status is SUBMITTED
    again = deck.fire(150, after=0, kind=FireKind.MANUAL)
    assert (again.status, again.at) == (SKIPPED, 151)
    assert deck.db.execute("SELECT handled_at, due_at FROM schedule").fetchall() == [(0, 100)]
    assert deck.fire(100, after=0, kind=FireKind.BACKFILL).status is WAITING
    # Its time was filled in meanwhile: the schedule goes on without a second job.
    assert deck.fire(100, after=0) == Fired(status=None)
    assert deck.db.execute("SELECT handled_at, due_at FROM schedule").fetchall() == [(100, 200)]
    deck.finish()
    assert deck.start(100).status is SUBMITTED
    assert deck.fire(100, after=100, kind=FireKind.BACKFILL) == Fired(status=None)


def test_a_time_that_was_missed_or_skipped_is_filled_in_once(deck: Schedules) -> None:
    deck.add()
    passed = Passed(number=3, first=100, last=300, reason="no engine ran")
    deck.do(MissFires(schedule_id=1, after=0, handled=300, passed=(passed,)))
    assert deck.fire(300, after=300, kind=FireKind.BACKFILL).status is SUBMITTED
    assert deck.fire(300, after=300, kind=FireKind.BACKFILL) == Fired(status=None)
    assert deck.fires() == [(300, SUBMITTED, "backfill", 1), (300, MISSED, "timed", 3)]
    assert deck.fire(200, after=300, kind=FireKind.BACKFILL).status is WAITING
    deck.finish()
    assert deck.start(200).status is SUBMITTED


def test_a_paused_schedule_fires_nothing_and_says_what_passed(deck: Schedules) -> None:
    deck.add(Overlap.QUEUE)
    deck.fire(100, after=0)
    deck.fire(200, after=100)
    assert deck.ask(PauseSchedule(name="nightly"), "holidays").changed == 1
    assert deck.ask(PauseSchedule(name="nightly")).changed == 0
    assert deck.fire(300, after=200) == Fired(status=None)
    deck.finish()
    assert deck.start(200) == Fired(status=None)
    (missed,) = deck.do(
        MissFires(schedule_id=1, after=200, handled=300, passed=(Passed(number=1, first=300, last=300),))
    )
    assert missed.status is None
    passed = Passed(number=2, first=300, last=400, reason="it was paused")
    resume = ResumeSchedule(name="nightly", next=NextFire(at=500, wake_at=500), from_=450, passed=(passed,))
    assert deck.ask(resume).changed == 1
    assert deck.ask(resume).changed == 0
    assert deck.fires()[-1] == (400, SKIPPED, "timed", 2)
    assert deck.start(200).status is SUBMITTED
    assert deck.fire(500, after=450).status is WAITING


def test_an_operator_skips_the_next_time(deck: Schedules) -> None:
    deck.add()
    skip = SkipFire(name="nightly", at=100, next=NextFire(at=200, wake_at=200))
    assert deck.ask(skip, "the server is down").changed == 1
    with pytest.raises(Conflict, match="another by now"):
        deck.ask(skip)
    assert deck.fire(100, after=0) == Fired(status=None)
    assert deck.fire(200, after=100).status is SUBMITTED
    assert [row[1] for row in deck.fires()] == [SKIPPED, SUBMITTED]


def test_a_schedule_is_edited_and_removed_and_its_name_is_free_again(deck: Schedules) -> None:
    deck.add(Overlap.QUEUE)
    with pytest.raises(Conflict, match="already"):
        deck.add()
    deck.fire(100, after=0)
    deck.fire(200, after=100)
    (body,) = deck.db.execute("SELECT body FROM schedule").fetchone()
    edited = Schedule(name="nightly", timing=Timing(every_ms=5_000), work=Work(text="name: nightly"))
    change = EditSchedule(schedule=edited, next=NextFire(at=700, wake_at=700), from_=50)
    assert deck.ask(change).changed == 1
    assert deck.ask(change).changed == 0
    assert deck.db.execute("SELECT handled_at, due_at, changed_by FROM schedule").fetchall() == [
        (200, 700, "kim (cli)")
    ]
    assert body != deck.db.execute("SELECT body FROM schedule").fetchone()[0]
    assert deck.ask(RemoveSchedule(name="nightly")).changed == 1
    assert [row[1] for row in deck.fires()] == [SUBMITTED, SKIPPED]
    assert deck.fire(700, after=200) == Fired(status=None)
    with pytest.raises(NotFound, match="not a schedule"):
        deck.ask(RemoveSchedule(name="nightly"))
    assert deck.add() == 2
    assert deck.told("schedule.*") == [
        "schedule.added",
        "schedule.edited",
        "schedule.removed",
        "schedule.added",
    ]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("UPDATE fire SET status = 'skipped', job_id = NULL", "fire.wrong"),
        ("DELETE FROM fire", "fire.wrong"),
        ("UPDATE job SET schedule_id = 9 WHERE id = 2", "fire.job"),
        ("UPDATE schedule SET paused_at = 1", "schedule.pause"),
    ],
)
def test_a_check_finds_what_is_wrong(tmp_path: Path, broken: str, code: str) -> None:
    deck = Schedules(tmp_path / "deck.db")
    deck.add()
    deck.fire(100, after=0)
    assert findings(deck.db) == ()
    deck.change(broken)
    assert code in {finding.code for finding in verify(deck.db)}
    deck.close()


async def outlook(reports: Reports, wall: int) -> Outlook:
    return await reports.schedules.outlook(wall=wall, now=0)


async def test_a_schedule_is_read_back_as_it_was_given_and_as_it_stands(
    deck: Schedules, reports: Reports
) -> None:
    given = Schedule(
        name="ночь",
        timing=Timing(cron="0 3 * * *", zone="Europe/Berlin", exclude=("2026-12-25",)),
        policy=FirePolicy(overlap=Overlap.QUEUE),
        work=Work(text="x: \ud800", params={"a": [1, None]}),
    )
    deck.ask(AddSchedule(schedule=given, next=NextFire(at=100, wake_at=120), from_=0))
    deck.add(Overlap.REPLACE)
    assert [view.schedule.name for view in await reports.schedules.all()] == ["nightly", "ночь"]
    view = await reports.schedules.one("ночь")
    assert (view.schedule, view.due_at, view.wake_at, view.last) == (given, 100, 120, None)
    assert [one.id for one in await reports.schedules.due(119)] == [2]
    assert [one.id for one in await reports.schedules.due(120)] == [2, 1]
    assert await outlook(reports, 99) == Outlook(is_now=False, waits=False, wake_at=100, overdue_at=None)
    assert await outlook(reports, 100) == Outlook(is_now=True, waits=False, wake_at=120, overdue_at=None)
    with pytest.raises(NotFound, match="did you mean"):
        await reports.schedules.one("nihgtly")
    deck.fire(100, after=0, passed=(Passed(number=3, first=10, last=30, reason="no engine ran"),))
    deck.fire(200, after=100)
    deck.fire(300, after=200)
    assert await reports.schedules.ready() == ()
    assert await reports.schedules.replaced() == ()
    deck.fire(400, after=0, schedule_id=2)
    assert await reports.schedules.replaced() == ()
    deck.fire(500, after=400, schedule_id=2)
    assert await reports.schedules.replaced() == (3,)
    assert (await outlook(reports, 0)).is_now
    view = await reports.schedules.one("ночь")
    assert (view.waiting, view.open_jobs, view.missed) == (2, 1, 3)
    assert (await outlook(reports, 0)).waits
    assert view.last is not None
    assert (view.last.at, view.last.job_id, view.last.job_status) == (100, 2, "pending")
    page = await reports.schedules.fires("ночь", after=None, limit=2)
    assert [(fire.at, fire.status) for fire in page.rows] == [(300, WAITING), (200, WAITING)]
    rest = await reports.schedules.fires("ночь", after=page.next, limit=2)
    assert [(fire.at, fire.number, fire.since) for fire in rest.rows] == [(100, 1, None), (30, 3, 10)]
    assert rest.next is None
    deck.finish()
    assert (await outlook(reports, 0)).is_now
    ready = await reports.schedules.ready()
    assert [(one.id, at) for one, at in ready] == [(1, 200), (2, 500)]
    deck.ask(PauseSchedule(name="ночь"), "rest")
    paused = (await reports.schedules.one("ночь")).paused
    assert paused is not None
    assert (paused.by, paused.reason) == ("kim (cli)", "rest")
    assert [one.id for one, _ in await reports.schedules.ready()] == [2]
    assert [one.id for one in await reports.schedules.due(10_000)] == [2]


@pytest.fixture
async def reports(deck: Schedules) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers, now=lambda: 1_000_000)
    await readers.close()
