"""What belongs to no job goes; what is kept agrees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from core.model.commands.capacity import ChangeCapacity, CorrectGauge, Reconcile
from core.model.commands.engine_notes import EngineEvent, NoteEngine
from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.commands.limits import Configure
from core.model.commands.purges import FilesRemoved, Pin, Purge, RemoveOutputs, SizedOutputs, SweepPurged
from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    Fire,
    MissFires,
    Passed,
    RemoveSchedule,
)
from core.model.commands.signals import Signal
from core.model.commands.work import Cancel, Complete, FollowUp, Submit
from core.model.commands.workflows import AddWorkflow, RemoveWorkflow
from core.model.errors import NotFound
from core.model.limits.entry_views import EntryQuery
from core.model.limits.limits import Limit, LimitKind, LimitRef, Per, Spent, Window
from core.model.limits.once import Once
from core.model.limits.usage_views import UsageBy, UsageQuery
from core.model.outcomes import Lost, Succeeded
from core.model.patterns.children import PinnedDocument
from core.model.patterns.judgements import BeginChild, Decide
from core.model.plans import JobPlan
from core.model.retention import DAY_MS, Forgettable
from core.model.timing.schedules import FireKind, FireStatus, NextFire, Schedule, Timing, Work
from core.store.forgettable import FIND
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.verify import verify
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings

START = round(datetime(2026, 1, 10, tzinfo=UTC).timestamp() * 1000)
YEAR = 365 * DAY_MS


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    made = Deck(tmp_path / "deck.db")
    made.now = START
    yield made
    assert findings(made.db) == ()
    made.close()


@pytest.fixture
async def reports(deck: Deck) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers, now=lambda: deck.now)
    await readers.close()


def due(deck: Deck, what: Forgettable, before: int) -> list[str | int]:
    return [row[0] for row in deck.db.execute(f"{FIND[what]} LIMIT 7", (before, deck.now))]


def forget(deck: Deck, what: Forgettable, before: int | None = None) -> int:
    """Forget all that is due, as a pass does; return how many rows went."""
    limit, total, event = deck.now if before is None else before, 0, None
    while refs := due(deck, what, limit):
        if event is None:
            (event,) = deck.do(BeginForgetting(before=limit))
        (number,) = deck.do(Forget(what=what, refs=tuple(refs), before=limit, event=event))
        assert list(verify(deck.db)) == []
        if not number:
            break
        total += number
    return total


def pass_of(deck: Deck, before: int) -> dict[str, int]:
    return {str(what): number for what in Forgettable if (number := forget(deck, what, before))}


def purge_all(deck: Deck) -> None:
    jobs = tuple(row[0] for row in deck.db.execute("SELECT id FROM job WHERE id > 1"))
    tasks = tuple(row[0] for row in deck.db.execute("SELECT id FROM task WHERE job_id = 1"))
    for command in (Purge(job_ids=jobs, actor="ada"), Purge(task_ids=tasks, actor="ada")):
        while (answer := deck.do(command)[0]).left:
            command = Purge(**{"job_ids" if command.job_ids else "task_ids": answer.left})
    while deck.do(SweepPurged())[0]:
        pass


def ended(deck: Deck, name: str = "work", **more: object) -> int:
    number = deck.job(stage(task("a"), task("b")), name=name, **more)
    deck.drain()
    return number


# Events


def test_events_of_no_job_go_by_their_age_and_those_of_jobs_stay(deck: Deck) -> None:
    ended(deck)
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    middle = deck.now
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="bob", data={}))
    of_jobs = deck.db.execute("SELECT count(*) FROM event WHERE job_id > 1").fetchone()
    assert forget(deck, Forgettable.EVENTS, middle + 1) == 1
    told = deck.db.execute("SELECT actor FROM event WHERE kind = 'engine.resumed'").fetchall()
    assert told == [("bob",)]
    assert deck.db.execute("SELECT count(*) FROM event WHERE job_id > 1").fetchone() == of_jobs
    noted = deck.db.execute("SELECT data->>'$.until' FROM event WHERE kind = 'history.forgotten'").fetchall()
    assert noted == [(middle + 1,)]


def test_the_newest_event_and_steps_of_the_clock_stay(deck: Deck) -> None:
    deck.db.execute("INSERT INTO event (at, kind, data) VALUES (1, 'clock.stepped', '{\"offset_ms\":0}')")
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    assert due(deck, Forgettable.EVENTS, deck.now + DAY_MS) == []
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="bob", data={}))
    assert forget(deck, Forgettable.EVENTS, deck.now + DAY_MS) >= 1
    assert deck.db.execute("SELECT count(*) FROM event WHERE kind = 'clock.stepped'").fetchone() == (1,)


async def test_what_was_purged_refers_to_the_pass_and_ids_are_not_given_again(
    deck: Deck, reports: Reports
) -> None:
    jobs = [ended(deck) for _ in range(3)]
    (loose,) = deck.loose(task("l"))
    deck.drain()
    deck.do(RemoveOutputs(outputs=(SizedOutputs(task_id=loose, size=5),)))
    deck.do(FilesRemoved(task_ids=(loose,)))
    purge_all(deck)
    last = deck.db.execute("SELECT max(last) FROM purged WHERE noun = 'job'").fetchone()
    assert forget(deck, Forgettable.EVENTS, deck.now + 1) >= 5
    assert deck.db.execute("SELECT noun, first, last FROM purged ORDER BY noun").fetchall() == [
        ("job", jobs[0], jobs[-1]),
        ("output", loose, loose),
        ("task", 1, loose),
    ]
    assert deck.db.execute("SELECT max(last) FROM purged WHERE noun = 'job'").fetchone() == last
    for asked, code in ((reports.jobs.view(jobs[1]), "job.purged"), (reports.tasks.detail(2), "task.purged")):
        with pytest.raises(NotFound, match="was purged before 2026") as refused:
            await asked
        assert refused.value.code == code
    assert ended(deck) == jobs[-1] + 1


def test_a_later_pass_makes_one_range_of_what_was_purged_since(deck: Deck) -> None:
    for _ in range(3):
        ended(deck)
        purge_all(deck)
        deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
        assert forget(deck, Forgettable.EVENTS, deck.now + 1)
    assert len(deck.db.execute("SELECT 1 FROM purged WHERE noun = 'job'").fetchall()) == 1


def test_a_job_that_is_being_purged_keeps_its_event(deck: Deck) -> None:
    number = ended(deck)
    deck.do(Purge(job_ids=(number,), actor="ada"))
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    forget(deck, Forgettable.EVENTS, deck.now + 1)
    assert deck.db.execute("SELECT count(*) FROM event WHERE kind = 'job.purged'").fetchone() == (1,)


# Schedules and fires


def scheduled(deck: Deck, *, times: int = 3) -> int:
    schedule = Schedule(name="nightly", timing=Timing(every_ms=1_000), work=Work(text="name: nightly"))
    add = AddSchedule(schedule=schedule, next=NextFire(at=START + 100, wake_at=START + 100), from_=START)
    deck.do(ChangeSchedule(change=add, actor="kim"))
    plan = JobPlan(name="nightly", stages=(stage(task("a")),))
    for number in range(times):
        at = START + 100 * (number + 1)
        command = Fire(
            schedule_id=1,
            at=at,
            after=START if not number else at - 100,
            next=NextFire(at=at + 100, wake_at=at + 100),
            submit=Submit(plan=plan, actor="kim"),
        )
        (fired,) = deck.do(command)
        assert fired.status is FireStatus.SUBMITTED, fired
        deck.drain()
    return times


def test_a_fire_goes_with_its_events_once_its_job_is_gone(deck: Deck) -> None:
    scheduled(deck)
    kept = deck.db.execute("SELECT max(id) FROM job").fetchone()[0]
    deck.do(Pin(job_id=kept, actor="ada"))
    purge_all(deck)
    last = START + 300
    missed = Passed(first=last + 100, last=last + 200, number=2)
    deck.do(
        MissFires(
            schedule_id=1,
            after=last,
            handled=last + 200,
            passed=(missed,),
            next=NextFire(at=last + 300, wake_at=last + 300),
        )
    )
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    forget(deck, Forgettable.EVENTS, deck.now + 1)
    assert deck.db.execute("SELECT job_id FROM fire").fetchall() == [(kept,)]
    assert deck.db.execute("SELECT forgotten_at FROM schedule").fetchall() == [(last + 200,)]
    kinds = [kind for (kind,) in deck.db.execute("SELECT kind FROM event WHERE kind LIKE 'fire.%'")]
    assert kinds == ["fire.submitted"]


def test_a_time_that_is_forgotten_is_not_filled_in(deck: Deck) -> None:
    scheduled(deck)
    purge_all(deck)
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    forget(deck, Forgettable.EVENTS, deck.now + 1)
    assert deck.db.execute("SELECT count(*) FROM fire").fetchone() == (0,)
    plan = Submit(plan=JobPlan(name="nightly", stages=(stage(task("a")),)), actor="kim")
    again = Fire(schedule_id=1, at=START + 300, kind=FireKind.BACKFILL, submit=plan, actor="ada")
    assert deck.do(again)[0].status is None
    later = Fire(schedule_id=1, at=START + 301, kind=FireKind.BACKFILL, submit=plan, actor="ada")
    assert deck.do(later)[0].status is FireStatus.SUBMITTED
    deck.drain()


def test_a_removed_schedule_goes_when_no_fire_and_no_job_is_left_of_it(deck: Deck) -> None:
    scheduled(deck)
    deck.do(ChangeSchedule(change=RemoveSchedule(name="nightly"), actor="kim"))
    other = Schedule(name="other", timing=Timing(every_ms=1_000), work=Work(text="name: nightly"))
    add = AddSchedule(schedule=other, next=NextFire(at=deck.now, wake_at=deck.now), from_=START)
    deck.do(ChangeSchedule(change=add, actor="kim"))
    assert forget(deck, Forgettable.SCHEDULES, deck.now + 1) == 0
    purge_all(deck)
    assert forget(deck, Forgettable.SCHEDULES, deck.now + 1) == 0
    deck.do(NoteEngine(kind=EngineEvent.RESUMED, actor="ada", data={}))
    pass_of(deck, deck.now + 1)
    assert deck.db.execute("SELECT name FROM schedule").fetchall() == [("other",)]


# Documents, keys, families, signals


def test_a_document_goes_when_nothing_names_it(deck: Deck) -> None:
    ended(deck, definition={"name": "a"}, definition_hash="a" * 64)
    named = ended(deck, definition={"name": "b"}, definition_hash="b" * 64)
    ended(deck, definition={"name": "c"}, definition_hash="c" * 64)
    schedule = Schedule(name="n", timing=Timing(every_ms=1_000), work=Work(text="e" * 64))
    add = AddSchedule(schedule=schedule, next=NextFire(at=START, wake_at=START), from_=START)
    deck.do(ChangeSchedule(change=add, actor="kim"))
    ended(deck, definition={"name": "e"}, definition_hash="e" * 64)
    deck.do(Pin(job_id=named, actor="ada"))
    purge_all(deck)
    find = f"{FIND[Forgettable.DEFINITIONS]} LIMIT 7"
    assert deck.db.execute(find, (START, deck.now)).fetchall() == []
    first = [row[0][0] for row in deck.db.execute(find, (deck.now + 1, deck.now))]
    assert first == ["a", "c"]
    assert forget(deck, Forgettable.DEFINITIONS, deck.now + 1) == 2
    left = [row[0][0] for row in deck.db.execute("SELECT hash FROM definition ORDER BY hash")]
    assert left == ["b", "e"]


def test_a_document_that_a_job_names_again_meanwhile_stays(deck: Deck) -> None:
    ended(deck, definition={"name": "a"}, definition_hash="a" * 64)
    purge_all(deck)
    refs = tuple(due(deck, Forgettable.DEFINITIONS, deck.now + 1))
    assert refs == ("a" * 64,)
    deck.job(stage(task("a")), definition={"name": "a"}, definition_hash="a" * 64)
    answer = deck.do(Forget(what=Forgettable.DEFINITIONS, refs=refs, before=deck.now + 1, event=1))
    assert answer == [0]
    deck.drain()


def test_keys_that_are_free_go_with_their_tasks_and_those_for_ever_stay(deck: Deck) -> None:
    for key, lasts in (("while", "unfinished"), ("hour", "1h"), ("ever", "ever")):
        deck.loose(task(key, once=Once(key=key, for_=lasts)))
    deck.drain()
    deck.now += 3 * DAY_MS
    purge_all(deck)
    assert forget(deck, Forgettable.KEYS, deck.now) == 2
    assert deck.db.execute("SELECT key FROM once_key").fetchall() == [('"ever"',)]


def test_a_family_goes_when_all_its_failures_are_purged_and_old(deck: Deck) -> None:
    old = deck.job(stage(task("a")))
    deck.end(*deck.claim(), outcome=failure("exit", "no route to host"))
    deck.do(FollowUp())
    assert deck.db.execute("SELECT count(*) FROM family").fetchone() == (1,)
    assert forget(deck, Forgettable.FAMILIES, deck.now + 1) == 0
    deck.do(Purge(job_ids=(old,), actor="ada"))
    deck.do(SweepPurged())
    assert forget(deck, Forgettable.FAMILIES, START) == 0
    assert forget(deck, Forgettable.FAMILIES, deck.now + 1) == 1
    assert deck.db.execute("SELECT count(*) FROM family_hour").fetchone() == (0,)


def test_signals_that_expired_go_without_another_one(deck: Deck) -> None:
    deck.do(Signal(name="paid", key="1", data={}, keep_ms=1_000, actor="ann"))
    deck.do(Signal(name="paid", key="2", data={}, keep_ms=DAY_MS, actor="ann"))
    deck.now += 2_000
    assert forget(deck, Forgettable.SIGNALS, START) == 1
    assert deck.db.execute("SELECT key FROM signal").fetchall() == [("2",)]


# The ledger

MONTHLY = Limit(name="monthly", kind=LimitKind.BUDGET, unit="usd", max=10**12, window=Window(per=Per.MONTH))
HOURLY = Limit(name="hourly", kind=LimitKind.BUDGET, unit="usd", max=10**12, window=Window(per=Per.HOUR))
TOTAL = Limit(name="total", kind=LimitKind.BUDGET, unit="usd", max=10**12, default_cost=7)
NAMES = ("monthly", "hourly", "total")


def limited(deck: Deck) -> None:
    deck.do(Configure(limits=(MONTHLY, HOURLY, TOTAL)))
    deck.do(FollowUp())


def spend(
    deck: Deck, amount: int, *, name: str = "work", limits: tuple[str, ...] = NAMES, **more: object
) -> int:
    refs = tuple(LimitRef(name=one) for one in limits)
    number = deck.job(stage(task("a", limits=refs)), name=name)
    for task_id, epoch in deck.claim():
        outcome = more.get("outcome", Succeeded())
        spent = (Spent(unit="usd", amount=amount, model="m", price="1/k"),) if amount else ()
        deck.do(Complete(task_id=task_id, epoch=epoch, outcome=outcome, spent=spent, **more.get("with_", {})))
    deck.do(FollowUp())
    return number


async def usage(reports: Reports, by: UsageBy, until: int) -> dict[str | None, tuple]:
    view = await reports.usage.of(UsageQuery(by=by, since=0, until=until))
    return {group.name: group.spent for group in view.groups}


async def test_old_entries_are_summed_up_and_every_sum_stays(deck: Deck, reports: Reports) -> None:
    limited(deck)
    random = Random(7)
    for _ in range(40):
        spend(
            deck,
            random.randrange(1, 1_000),
            name=random.choice(("a", "b")),
            limits=random.choice((NAMES, ("total",))),
        )
        deck.now += random.randrange(4 * DAY_MS)
    gauges = deck.db.execute("SELECT id, used, reserved, unknown FROM gauge ORDER BY id").fetchall()
    before = {
        by: await usage(reports, by, deck.now) for by in (UsageBy.WORKFLOW, UsageBy.MODEL, UsageBy.POOL)
    }
    number = deck.db.execute("SELECT count(*) FROM entry").fetchone()[0]
    assert forget(deck, Forgettable.ENTRIES, deck.now) == 0, "the attempts are there"
    purge_all(deck)
    gone = forget(deck, Forgettable.ENTRIES, deck.now - 20 * DAY_MS)
    assert gone > 15
    assert deck.db.execute("SELECT count(*) FROM entry").fetchone() == (number - gone,)
    assert deck.db.execute("SELECT id, used, reserved, unknown FROM gauge ORDER BY id").fetchall() == gauges
    assert {by: await usage(reports, by, deck.now) for by in before} == before
    # A later pass puts more into the sums that are there.
    more = forget(deck, Forgettable.ENTRIES, deck.now)
    assert more > 0
    assert {by: await usage(reports, by, deck.now) for by in before} == before
    page = await reports.entries.page(EntryQuery(limit="total"), after=None, limit=200)
    assert sum(one.carried or 1 for one in page.rows) == number
    (total,) = deck.db.execute("SELECT used FROM gauge WHERE name = 'total'").fetchone()
    assert sum(one.amount for one in page.rows) == total
    assert all(one.task_id is None for one in page.rows if one.carried)


def test_a_sum_does_not_reach_over_the_beginning_of_a_window(deck: Deck) -> None:
    limited(deck)
    spend(deck, 1)
    deck.now += 2 * 3_600_000
    # The window of the hour that began then is open as long as nothing more is spent.
    spend(deck, 10)
    purge_all(deck)
    deck.now += YEAR
    used = dict(deck.db.execute("SELECT name, used FROM gauge").fetchall())
    assert (used["hourly"], used["total"]) == (10, 11)
    assert forget(deck, Forgettable.ENTRIES) == 0, "each is a sum of one"
    amounts = deck.db.execute("SELECT amount, carried FROM entry ORDER BY id").fetchall()
    assert amounts == [(1, 1), (10, 1)]


def test_what_is_unknown_stays_until_it_is_reconciled_and_then_goes_with_that(deck: Deck) -> None:
    limited(deck)
    spend(deck, 0, outcome=Lost(reason="gone"), limits=("total",))
    spend(deck, 0, outcome=Lost(reason="gone"), limits=("total",))
    deck.do(FollowUp())
    unknown = deck.db.execute("SELECT task_id FROM entry WHERE kind = 'unknown' ORDER BY id").fetchall()
    assert len(unknown) == 2
    deck.do(
        ChangeCapacity(
            change=Reconcile(task_id=unknown[0][0], unit="usd", amount="0.000005"),
            reason="the bill",
            actor="ada",
        )
    )
    for job in [row[0] for row in deck.db.execute("SELECT id FROM job WHERE id > 1")]:
        deck.do(Cancel(job_id=job))
    deck.drain()
    purge_all(deck)
    assert forget(deck, Forgettable.ENTRIES, deck.now + 1) == 1
    rows = deck.db.execute(
        "SELECT kind, amount, released, carried, task_id FROM entry ORDER BY id"
    ).fetchall()
    assert rows == [("unknown", 7, None, None, unknown[1][0]), ("reconciled", 5, None, 1, None)]
    assert deck.db.execute("SELECT used, unknown FROM gauge WHERE name = 'total'").fetchone() == (5, 7)


def test_corrections_are_summed_up_by_their_gauge(deck: Deck) -> None:
    limited(deck)
    spend(deck, 3)
    for amount in ("0.000005", "-0.000002"):
        change = CorrectGauge(name="total", amount=amount)
        deck.do(ChangeCapacity(change=change, reason="the bill", actor="ada"))
    purge_all(deck)
    assert forget(deck, Forgettable.ENTRIES, deck.now + 1) == 1
    rows = deck.db.execute("SELECT kind, amount, carried FROM entry ORDER BY id").fetchall()
    assert rows == [("settled", 3, 1), ("correction", 3, 2)]
    assert deck.db.execute("SELECT used FROM gauge WHERE name = 'total'").fetchone() == (6,)


# Texts of workflows


def added(deck: Deck, content: str, name: str) -> None:
    deck.do(AddWorkflow(name=name, hash=content, text=content, source="/w", folder="/", actor="ann"))


def texts(deck: Deck) -> list[str]:
    return [row[0] for row in deck.db.execute("SELECT hash FROM workflow_text ORDER BY 1")]


def pinned(*contents: str) -> dict[str, object]:
    documents = (PinnedDocument(reference=f"name:{one}", hash=one, source="/w", text=one) for one in contents)
    return {"documents": tuple(documents)}


def test_texts_go_once_no_name_no_job_and_no_schedule_names_them(deck: Deck) -> None:
    for content, name in (("a", "w"), ("b", "w"), ("c", "v"), ("s", "x")):
        added(deck, content, name)
    job = ended(deck, **pinned("b", "d"))
    assert forget(deck, Forgettable.TEXTS) == 0
    deck.do(RemoveWorkflow(name="w", actor="ann"), RemoveWorkflow(name="v", actor="ann"))
    deck.do(RemoveWorkflow(name="x", actor="ann"))
    deck.change(
        "INSERT INTO schedule (id, name, body, handled_at, created_at) VALUES (9, 'n',"
        """ '{"n\\u0061me":"n","timing":{"every_ms":9000},"work":{"workflow":"s"}}', 5, 1)"""
    )
    assert (forget(deck, Forgettable.TEXTS), texts(deck)) == (2, ["b", "d", "s"])
    deck.change("DELETE FROM schedule")
    deck.do(Purge(job_ids=(job,), actor="ada"))
    deck.do(SweepPurged())
    assert (forget(deck, Forgettable.TEXTS), texts(deck)) == (3, [])


def test_a_text_that_was_found_and_is_named_meanwhile_stays(deck: Deck) -> None:
    added(deck, "a", "w")
    deck.do(RemoveWorkflow(name="w", actor="ann"))
    refs = tuple(due(deck, Forgettable.TEXTS, deck.now))
    assert refs == ("a",)
    deck.job(stage(task("a")), **pinned("a"))
    assert deck.do(Forget(what=Forgettable.TEXTS, refs=refs, before=deck.now, event=0)) == [0]
    assert texts(deck) == ["a"]


def test_the_texts_that_a_child_has_pinned_are_those_of_the_job_above(deck: Deck) -> None:
    deck.job(stage(task("up", when="x")), **pinned("a", "b"))
    ((above,),) = deck.db.execute("SELECT id FROM task WHERE key = 'up'").fetchall()
    plan = JobPlan(name="inner", stages=(stage(task("in")),))
    deck.do(Decide(task_id=above, verdict=BeginChild(plan=plan)))
    rows = deck.db.execute("SELECT job_id, hash FROM pinned_text ORDER BY 1, 2").fetchall()
    assert rows == [(2, "a"), (2, "b"), (3, "a"), (3, "b")]
