"""Tests of verification: valid stores pass, each damage is found."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.model.commands.work import (
    Cancel,
    ComeDue,
    Complete,
    Fail,
    FollowUp,
    Hold,
    Pause,
    Rerun,
    Resume,
    Unhold,
)
from core.model.events import BIRTHS, KINDS
from core.model.limits.once import Once
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Cancelled,
    GiveUp,
    Interrupted,
    Lost,
    Requeue,
    RetryAt,
    Succeeded,
    TimedOut,
)
from core.model.patterns.judgements import Decide, Proceed
from core.model.plans import NeedPlan, NeedWhen, OnTaskFailure
from core.store.verify import MOST, verify, verify_path
from core.store.verify.checks import CHECKS
from core.store.verify.fold import RULES
from tests.store.deck import Deck, failure, stage, task
from tests.support.steps import counted_calls, counted_sql


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


def codes(deck: Deck) -> set[str]:
    return {finding.code for finding in verify(deck.db)}


def test_a_new_store_is_well(deck: Deck) -> None:
    assert verify(deck.db) == ()


def test_a_job_that_ran_to_its_end_is_well(deck: Deck) -> None:
    deck.job(stage(task("a"), task("b", "a")), stage(task("c", when="true"), name="two"))
    deck.drain()
    (waiting,) = deck.report.conditions or [3]
    deck.do(Decide(task_id=waiting, verdict=Proceed()))
    deck.drain()
    assert deck.db.execute("SELECT status FROM job WHERE id = 2").fetchone() == ("succeeded",)
    assert verify(deck.db) == ()


def test_every_way_an_attempt_ends_is_folded(deck: Deck) -> None:
    deck.loose(*(task(f"t{n}", priority=n) for n in range(9)))
    deck.claim()
    retry = RetryAt(at=deck.now + 50)
    deck.do(
        Complete(task_id=1, epoch=1, outcome=failure(), decision=retry),
        Complete(task_id=2, epoch=1, outcome=TimedOut(after_ms=5), decision=retry),
        Complete(task_id=3, epoch=1, outcome=Lost(reason="gone"), decision=AskOperator()),
        Complete(task_id=4, epoch=1, outcome=Interrupted()),
        Complete(task_id=5, epoch=1, outcome=Bounced(reason="no fork"), decision=Requeue()),
        Complete(task_id=6, epoch=1, outcome=Cancelled()),
        Complete(task_id=7, epoch=1, outcome=failure()),
    )
    assert verify(deck.db) == ()
    deck.do(Cancel(task_ids=(8, 1), reason="enough", actor="tester"))
    deck.do(Complete(task_id=8, epoch=1, outcome=failure()), Unhold(task_ids=(3,)))
    deck.now += 100
    deck.do(ComeDue())
    deck.do(Hold(task_ids=(2,), reason="look"))
    assert verify(deck.db) == ()
    deck.drain()
    assert verify(deck.db) == ()


def test_a_large_output_is_folded_by_its_reference(deck: Deck) -> None:
    deck.loose(task("big"))
    deck.end(*deck.claim(), outcome=Succeeded(output={"text": "é\ud800\0" * 5_000}))
    assert deck.db.execute("SELECT count(*) FROM payload").fetchone() == (1,)
    assert verify(deck.db) == ()
    deck.change("DELETE FROM payload")
    assert codes(deck) == {"payload.missing"}


_OF_TASKS = (
    "task.",
    "attempt.",
    "orphan.",
    "fault.",
    "output.",
    "call.",
    "spending.reconciled",
    "usage.",
    "price.",
    "backend.",
    "once.",
    "item.",
    "variable.",
    "artifact.",
)


def test_every_kind_of_event_of_a_task_has_a_rule() -> None:
    of_tasks = {kind for kind in KINDS if kind.startswith(_OF_TASKS) and kind not in BIRTHS}
    assert set(RULES) == of_tasks


def _busy(deck: Deck) -> None:
    """Make job 2 (a runs, b waits for it, c for its `when`, d for its stage), 3, 4 (over), loose tasks."""
    deck.job(stage(task("a"), task("b", "a"), task("c", when="true")), stage(task("d"), name="two"))
    deck.claim()
    deck.job(stage(task("e"), task("f", "e")), name="over")
    taken = [pair for pair in deck.claim() if pair[0] >= 5]
    deck.end(*taken)
    deck.end(*deck.claim())
    deck.job(stage(task("g"), task("h", "g")), name="lost")
    deck.end(*deck.claim(), outcome=failure())
    deck.loose(task("i"), task("j", once=Once(key="nightly")))
    assert deck.db.execute("SELECT status FROM job ORDER BY id").fetchall() == [
        ("running",),
        ("running",),
        ("succeeded",),
        ("failed",),
    ]


_GAUGE = (
    """INSERT INTO limit_rule (name, kind, body) VALUES ('db', 'concurrency', '{"kind":"concurrency"}')""",
    "INSERT INTO gauge (id, name) VALUES (1, 'db')",
)
_SCHEDULE = "INSERT INTO schedule (id, name, body, handled_at, created_at) VALUES (9, 'x', '{}', 5, 1)"
_NOTICE = (
    "INSERT INTO notice (id, sink, topic, event, at, text, status, tries, delivery)"
    " VALUES ({}, 'ops', 'job', 2, 1, 'x', 'waiting', 0, {})"
)
_ITEM = (
    "INSERT INTO work_item (task_id, title, text, form, submitter, created_at, on_due, quorum, four_eyes,"
    " on_deny) VALUES (1, '?', '', '[]', 'ann', 1, 'fail', 1, 0, 'fail')"
)
_SET = (
    "INSERT INTO instance_set (id, job_id, task_id, number, total, made, digest)"
    " VALUES (9, 2, {}, 1, {}, {}, '')"
)
_INSTANCE = "UPDATE task SET set_id = 9, group_task = {}, item = {} WHERE id = {}"
_WAITS = "UPDATE task SET status = 'waiting', wait_reason = NULL, needs_left = 0 WHERE id = 1"
_GROUP_ENDED = "UPDATE task SET status = 'failed', finished_at = 1 WHERE id = 1"
CORRUPTIONS: dict[str, tuple[str, ...]] = {
    "variable.dangling": ("INSERT INTO variable (job_id, name, position, value) VALUES (99, 'n', 0, '1')",),
    "instance_page.dangling": ("INSERT INTO instance_page VALUES (99, 0, '[1]')",),
    "counter.wrong": ("UPDATE counter SET n = n + 1 WHERE scope = 'queue' AND status = 'queued'",),
    "ended.wrong": ("UPDATE ended SET at = at + 10000 WHERE status = 'succeeded'",),
    "ended.foreign": ("UPDATE ended SET status = 'over' WHERE status = 'skipped' OR status = 'failed'",),
    "run_time.wrong": ("UPDATE run_time SET ms = ms + 1",),
    "family.tasks": ("UPDATE family SET jobs = jobs + 1",),
    "family.job": ("UPDATE family_job SET n = n + 1",),
    "family.failures": ("UPDATE family SET first_at = first_at - 1",),
    "family.hour": ("UPDATE family_hour SET n = n + 1",),
    "gauge.wrong": (*_GAUGE, "UPDATE gauge SET reserved = 5"),
    "gauge.unwatched": (*_GAUGE, "UPDATE aisle SET shut_by = 1"),
    "place.wrong": (*_GAUGE, "UPDATE job SET place_gauge = 1 WHERE id = 2"),
    "workflow.pinned": ('UPDATE job SET documents = \'{"name:x":{"hash":"h"}}\' WHERE id = 2',),
    "workflow.unkept": ("INSERT INTO pinned_text VALUES (2, 'h')",),
    "gauge.probe": (*_GAUGE, "UPDATE gauge SET trial = 5"),
    "workflow.current": ("INSERT INTO workflow VALUES ('x', 1, 'h', 's', NULL, 1, 1, NULL)",),
    "workflow.text": ("INSERT INTO workflow VALUES ('x', 1, 'h', 's', NULL, 0, 1, NULL)",),
    "notice.ahead": ("INSERT INTO notice_cursor VALUES ('ops', 10000000)",),
    "notice.unseen": ("INSERT INTO notice_cursor VALUES ('ops', 1)", _NOTICE.format(1, 5)),
    "notice.split": (_NOTICE.format(1, 7), _NOTICE.format(2, 7), "UPDATE notice SET sink = 'b' WHERE id = 2"),
    "gauge.down": (*_GAUGE, "UPDATE gauge SET down_at = 5"),
    "check_change.lost": (
        """INSERT INTO event (at, kind, data) VALUES (5, 'backend.down', '{"backend": "db"}')""",
    ),
    "backend_failure.wrong": (*_GAUGE, "INSERT INTO backend_failure VALUES (1, 'x', 1, 2, 3)"),
    "entry.reconciled": (
        "INSERT INTO entry (at, unit, amount, kind, counted_at) VALUES (1, 'usd', 1, 'unknown', 1)",
        "UPDATE entry SET reconciled = 1",
    ),
    "once_key.missing": ("DELETE FROM once_key",),
    "once_key.foreign": ("UPDATE once_key SET lasts = 'ever'",),
    "once_key.lost": ("UPDATE once_key SET task_id = 1",),
    "fire.wrong": (
        _SCHEDULE,
        "INSERT INTO fire VALUES (9, 1, 'skipped', 'timed', NULL, 1, 1, NULL, NULL, NULL)",
    ),
    "fire.job": (_SCHEDULE, "UPDATE job SET schedule_id = 9 WHERE id = 2"),
    "schedule.pause": (_SCHEDULE, "UPDATE schedule SET paused_at = 1"),
    "expectation.wrong": ("INSERT INTO expectation VALUES (1, NULL, 'w', 5, 1, 6, NULL)",),
    "expectation.success": (
        "INSERT INTO expectation VALUES (1, NULL, (SELECT name FROM job WHERE id = 3), 5, 1, 6, 7)",
        (
            "INSERT INTO event (id, at, kind, data) SELECT -1, 1, 'expectation.missed',"
            " json_object('workflow', name) FROM job WHERE id = 3"
        ),
        "INSERT INTO event (at, kind, job_id) VALUES (1, 'job.succeeded', 3)",
    ),
    "expectation.schedule": (
        _SCHEDULE,
        'UPDATE schedule SET body = \'{"policy":{"expect_ms":5}}\'',
    ),
    "gset.wrong": ("INSERT INTO gset (gauges) VALUES ('[99]')",),
    "stage.open_tasks": ("UPDATE stage SET open_tasks = open_tasks + 1 WHERE id = 3",),
    "lane.head": ("UPDATE lane SET head_key = 5",),
    "lane.shut": ("UPDATE lane SET shut_by = 0",),
    "aisle.head": ("UPDATE aisle SET head_key = 5",),
    "aisle.shut": ("UPDATE aisle SET shut_by = 0",),
    "lane.foreign": ("UPDATE task SET lane_id = (SELECT lane_id FROM task WHERE id = 9) WHERE id = 1",),
    "task.needs_left": ("UPDATE task SET needs_left = 2 WHERE id = 2",),
    "edge.met_early": (
        "UPDATE edge SET met = 1 WHERE task_id = 2",
        "UPDATE task SET needs_left = 0 WHERE id = 2",
    ),
    "edge.overdue": ("UPDATE edge SET need_id = 5 WHERE task_id = 2",),
    "task.condition": ("UPDATE task SET wait_reason = 'condition' WHERE id = 2",),
    "awaited.over": (
        "UPDATE task SET status = 'waiting' WHERE id = 2",
        "UPDATE job SET status = 'succeeded', finished_at = 1 WHERE id = 2",
        "INSERT INTO awaited (task_id, job_id, wanted) VALUES (2, 2, 'succeeded')",
    ),
    "set.made": (_SET.format(1, 1, 1),),
    "set.items": (_SET.format(1, 1, 0), _WAITS),
    "instance.foreign": (_INSTANCE.format(1, 0, 3),),
    "instance.stuck": (
        _SET.format(1, 1, 1),
        _WAITS,
        _INSTANCE.format(1, 0, 3),
        "UPDATE task SET status = 'blocked', wait_reason = NULL, needs_left = 0 WHERE id = 3",
    ),
    "instance.unended": (_SET.format(1, 1, 1), _GROUP_ENDED, _INSTANCE.format(1, 0, 3)),
    "group.undecided": (
        _SET.format(1, 1, 1),
        _WAITS,
        _INSTANCE.format(1, 0, 3),
        "UPDATE task SET status = 'failed', finished_at = 1, wait_reason = NULL WHERE id = 3",
    ),
    "awaited.stray": ("INSERT INTO awaited (task_id) VALUES (1)",),
    "work_item.stray": (_ITEM,),
    "work_item.approvals": (_ITEM, "UPDATE work_item SET approvals = 1"),
    "work_item.claim": (_ITEM, "UPDATE work_item SET claimed_by = 'eve', claimed_at = 1"),
    "work_item.end": (_ITEM, "UPDATE work_item SET outcome = 'denied', closed_at = 1"),
    "work_item.history": (_ITEM,),
    "child.unanswered": (
        "INSERT INTO awaited (task_id, child_id) VALUES (1, 3)",
        "UPDATE task SET status = 'waiting' WHERE id = 1",
    ),
    "child.asks": ("INSERT INTO awaited (task_id, child_id, asks) VALUES (1, 2, 'outputs')",),
    "child.place": ("UPDATE job SET parent_task = 1, root_id = 2, depth = 3 WHERE id = 3",),
    "child.paused": (
        "UPDATE job SET parent_task = 9, root_id = 3, depth = 1, paused_above = 1 WHERE id = 2",
    ),
    "job.finishing": (
        "UPDATE job SET finishing = 1 WHERE id = 2",
        "UPDATE stage SET is_finally = 1",
    ),
    "task.tolerated": ("UPDATE task SET tolerated = 1 WHERE id = 1",),
    "task.stuck": ("UPDATE task SET wait_reason = NULL WHERE id = 3",),
    "attempt.stray": ("UPDATE attempt SET status = 'running', finished_at = NULL WHERE task_id = 5",),
    "attempt.missing": ("UPDATE attempt SET status = 'failed', finished_at = 1 WHERE task_id = 1",),
    "attempt.count": (
        "INSERT INTO attempt VALUES (9, 1, 'failed', 1, 1, 1, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL)",
    ),
    "task.actor": ("UPDATE task SET actor = 'eve' WHERE actor IS NOT NULL",),
    "payload.missing": ("""UPDATE task SET output = '{"$payload":"gone"}' WHERE id = 5""",),
    "stage.verdict": ("UPDATE stage SET status = 'skipped' WHERE job_id = 3",),
    "stage.closed_early": ("UPDATE stage SET status = 'succeeded' WHERE id = 2",),
    "stage.unclosed": ("UPDATE stage SET open_tasks = 0 WHERE id = 2",),
    "stage.opened_early": ("UPDATE task SET status = 'held' WHERE id = 4",),
    "job.ended_early": ("UPDATE job SET status = 'succeeded', finished_at = 9 WHERE id = 2",),
    "job.stage_open": ("UPDATE stage SET status = 'open' WHERE job_id = 3",),
    "job.stalled": ("UPDATE stage SET status = 'pending' WHERE id = 2",),
    "job.unended": ("UPDATE job SET status = 'ending', finished_at = NULL WHERE id = 4",),
    "job.uncancelled": ("UPDATE job SET status = 'ending', verdict = 'failed' WHERE id = 2",),
    "job.verdict": ("UPDATE job SET verdict = 'failed' WHERE id = 3",),
    "job.succeeded": ("UPDATE job SET status = 'succeeded', verdict = NULL WHERE id = 4",),
    "job.inbox": ("UPDATE job SET status = 'pending' WHERE id = 1",),
    "purged.alive": ("INSERT INTO purged VALUES ('task', 4, 6, 1)",),
    "purged.untold": ("INSERT INTO purged VALUES ('task', 90, 91, 1)",),
    "purged.overlap": ("INSERT INTO purged VALUES ('task', 90, 95, 1), ('task', 93, 96, 1)",),
    "purge.unfit": ("INSERT INTO purge VALUES (2, 1, 0)",),
    "retention.missing": ("DELETE FROM retention",),
    "purge.full": ("INSERT INTO purge VALUES (3, 1, 1)",),
    "store.dangling": ("DELETE FROM queue WHERE name = 'default'",),
    "fold.unborn": ("DELETE FROM event WHERE task_id = 9",),
    "fold.event": ("UPDATE event SET kind = 'task.invented' WHERE task_id = 5 AND kind = 'task.succeeded'",),
    "fold.task": ("UPDATE task SET priority = 77 WHERE id = 1",),
    "fold.job": ("UPDATE job SET status = 'paused' WHERE id = 2",),
    "artifact.foreign": ("INSERT INTO artifact VALUES (1, 1, 'a', 0, 'x', 1, 'ff')",),
    "artifact.wrong": ("INSERT INTO artifact VALUES (5, 1, 'a', 0, 'x', 1, 'ff')",),
    "fold.variable": ("INSERT INTO variable VALUES (2, 'x', 0, NULL, '1', 1, 5)",),
    "store.unreadable": ("UPDATE task SET spec = '{' WHERE id = 1",),
    "fold.stage": ("DELETE FROM event WHERE kind = 'stage.succeeded'",),
}


@pytest.fixture(scope="module")
def busy_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    made = Deck(tmp_path_factory.mktemp("busy") / "deck.db")
    _busy(made)
    assert verify(made.db) == ()
    # No case may see a constraint: none can be let look away within a transaction.
    made.db.execute("PRAGMA foreign_keys = OFF")
    yield made
    made.close()


@pytest.fixture
def busy(busy_store: Deck) -> Iterator[Deck]:
    """Yield a store that is busy; what is changed in it is taken back."""
    assert verify(busy_store.db) == ()
    busy_store.db.execute("BEGIN IMMEDIATE")
    yield busy_store
    busy_store.db.execute("ROLLBACK")


@pytest.mark.parametrize("code", CORRUPTIONS)
def test_each_fault_is_found(busy: Deck, code: str) -> None:
    for statement in CORRUPTIONS[code]:
        busy.change(statement)
    assert code in codes(busy)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE ended SET n = n + 1", "ended.wrong"),
        ("DELETE FROM ended WHERE status = 'failed'", "ended.wrong"),
        ("INSERT INTO ended VALUES (90000000, 'default', 'succeeded', 1)", "ended.wrong"),
        ("UPDATE ended SET at = at + 1", "ended.foreign"),
        ("UPDATE ended SET n = 0", "ended.foreign"),
        ("UPDATE ended SET queue = 'nowhere'", "store.dangling"),
        ("DELETE FROM run_time WHERE task_id = (SELECT max(task_id) FROM run_time)", "run_time.wrong"),
        ("UPDATE run_time SET key = 'other'", "run_time.wrong"),
        ("UPDATE attempt SET finished_at = finished_at + 1 WHERE status = 'succeeded'", "run_time.wrong"),
    ],
)
def test_counts_of_ends_that_cannot_be_are_found(busy: Deck, statement: str, code: str) -> None:
    busy.change(statement)
    assert code in codes(busy)


def test_every_check_has_a_store_that_fails_it() -> None:
    assert {check.code for check in CHECKS} <= CORRUPTIONS.keys()


FOLDED = {
    "status": "'held'",
    "queue": "'other'",
    "priority": "9",
    "epoch": "9",
    "generation": "9",
    "tries": "9",
    "losses": "9",
    "bounces": "9",
    "retry_at": "9",
    "queued_at": "9",
    "started_at": "9",
    "finished_at": "9",
    "stop_at": "9",
    "stop_by": "'somebody'",
    "stop_reason": "'why'",
    "stop_how": "'kill'",
    "output": "'{}'",
    "error": "'{}'",
    "family": "'ffff'",
    "pinned_by": "'eve'",
}


@pytest.mark.parametrize("column", FOLDED)
def test_the_fold_watches_each_column(deck: Deck, column: str) -> None:
    deck.loose(task("a"))
    deck.claim()
    deck.change(f"UPDATE task SET {column} = {FOLDED[column]}")
    (found,) = [finding for finding in verify(deck.db) if finding.code == "fold.task"]
    assert list(found.facts["row"]) == [column]  # type: ignore[arg-type]


def test_an_event_that_begins_with_no_birth_is_found(deck: Deck) -> None:
    deck.loose(task("a"))
    deck.claim()
    deck.change("DELETE FROM event WHERE kind = 'task.created'")
    assert codes(deck) == {"fold.unborn"}


def test_events_of_purged_tasks_are_passed_over(deck: Deck) -> None:
    deck.loose(task("a"), task("b"), task("c"))
    deck.drain()
    deck.change("DELETE FROM task WHERE id = 2")
    deck.change("DELETE FROM attempt WHERE task_id = 2")
    deck.change("UPDATE counter SET n = n - 1 WHERE status = 'succeeded'")
    assert verify(deck.db) == ()


def test_a_poll_that_failed_before_it_counted_as_an_attempt_is_sound(deck: Deck) -> None:
    deck.loose(task("a"))
    deck.db.execute(
        "INSERT INTO event (at, kind, job_id, task_id, data) VALUES (1, ?, 1, 1, '{}')", ("task.poll_failed",)
    )
    assert verify(deck.db) == ()


def test_what_a_batch_left_over_is_no_fault(deck: Deck) -> None:
    deck.job(stage(*(task(f"t{n}", "root") if n else task("root") for n in range(6_000))))
    deck.end(*deck.claim())
    assert deck.report.left_over
    assert verify(deck.db) == ()
    deck.change("DELETE FROM followup")
    assert codes(deck) == {"edge.overdue"}


def test_a_verdict_in_bites_is_no_fault(deck: Deck) -> None:
    job = deck.job(stage(*(task(f"t{n}") for n in range(2_500))))
    deck.do(Cancel(job_id=job, actor="tester"))
    assert verify(deck.db) == ()
    while deck.report.left_over:
        deck.do(FollowUp())
        assert verify(deck.db) == ()


def test_at_most_so_many_findings_of_a_code_are_given(deck: Deck) -> None:
    deck.loose(*(task(f"t{n}") for n in range(50)))
    deck.change("UPDATE task SET priority = 1")
    assert len([finding for finding in verify(deck.db) if finding.code == "fold.task"]) == MOST


def test_a_damaged_file_is_found(deck: Deck, tmp_path: Path) -> None:
    deck.loose(*(task(f"t{n}") for n in range(200)))
    deck.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = deck.db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event_task'").fetchone()
    copy = tmp_path / "copy.db"
    data = bytearray(deck.path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    copy.write_bytes(data)
    assert "store.corrupt" in {finding.code for finding in verify_path(copy)}


def test_verifying_sees_one_moment_and_changes_nothing(deck: Deck) -> None:
    _busy(deck)
    before = list(deck.db.iterdump())
    assert verify_path(deck.path) == ()
    assert verify(deck.db) == ()
    assert list(deck.db.iterdump()) == before
    assert not deck.db.in_transaction


def test_a_caller_keeps_its_own_transaction(deck: Deck) -> None:
    deck.db.execute("BEGIN")
    assert verify(deck.db) == ()
    assert deck.db.in_transaction
    deck.db.execute("ROLLBACK")


def test_ten_thousand_tasks_are_verified_in_few_steps(deck: Deck) -> None:
    deck.job(stage(*(task(f"t{n}") for n in range(5_000))))
    deck.loose(*(task("x") for _ in range(5_000)))
    deck.drain(500)
    with counted_sql(deck.db) as instructions, counted_calls() as calls:
        assert verify(deck.db) == ()
    assert instructions.number < 1_000 * 10_000
    assert calls.number < 120 * 10_000


def _rerun_job(deck: Deck, job: int) -> None:
    if deck.db.execute("SELECT status FROM job WHERE id = ?", (job,)).fetchone() != ("ending",):
        deck.do(Rerun(job_id=job))


def _walk(deck: Deck, draw: random.Random) -> None:
    """Take one random step of an operator or the engine."""
    open_ = deck.db.execute("SELECT task_id, epoch FROM attempt WHERE status = 'running'").fetchall()
    some = tuple(draw.sample(range(1, 38), 3))
    job = draw.randint(2, 4)
    steps: list[Callable[[], object]] = [
        lambda: deck.claim(draw.randint(1, 8)),
        lambda: deck.do(Cancel(task_ids=some, reason="no", actor="tester")),
        lambda: deck.do(Hold(task_ids=some)),
        lambda: deck.do(Unhold(task_ids=some)),
        lambda: deck.do(Fail(task_ids=some, reason="no", actor="tester")),
        lambda: deck.do(Pause(job_id=job)),
        lambda: deck.do(Resume(job_id=job)),
        lambda: deck.do(Cancel(job_id=job, actor="tester")) if draw.random() < 0.2 else None,
        lambda: deck.do(Rerun(task_ids=some, downstream=draw.random() < 0.5)),
        lambda: _rerun_job(deck, job),
        lambda: deck.do(ComeDue()),
        lambda: deck.do(FollowUp()),
    ]
    outcomes = [
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=failure(), decision=RetryAt(at=deck.now + 20)),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=failure()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Lost(reason="gone"), decision=AskOperator()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Interrupted()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Bounced(reason="full"), decision=Requeue()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Bounced(reason="full"), decision=GiveUp()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Lost(reason="gone"), decision=GiveUp()),
        lambda a: Complete(task_id=a[0], epoch=a[1], outcome=Cancelled()),
    ]
    if open_ and draw.random() < 0.6:
        some_open = draw.sample(open_, min(len(open_), 3))
        if draw.random() < 0.5:
            deck.end(*some_open)
        else:
            deck.do(*(draw.choice(outcomes)(pair) for pair in some_open))
        return
    draw.choice(steps)()


@pytest.mark.parametrize("seed", range(6))
def test_random_lives_stay_well(deck: Deck, seed: int) -> None:
    draw = random.Random(seed)
    for policy in OnTaskFailure:
        deck.job(
            stage(
                *(task(f"a{n}") for n in range(4)),
                *(task(f"b{n}", "a0", NeedPlan(key=f"a{n}", when=NeedWhen.DONE)) for n in range(1, 4)),
            ),
            stage(task("c", "b1"), task("d"), name="two"),
            on_task_failure=policy,
        )
    deck.loose(*(task(f"l{n}") for n in range(10)), group="g")
    for _ in range(80):
        _walk(deck, draw)
        assert verify(deck.db) == ()


def test_the_fold_keeps_what_json_can_hold(deck: Deck) -> None:
    deck.loose(task("odd\0key"))
    output = {"nul": "\0", "lone": "\ud800", "big": 2**63, "small": 1e-9, "none": None, "list": [True]}
    deck.end(*deck.claim(), outcome=Succeeded(output=output))
    assert verify(deck.db) == ()
    ((stored,),) = deck.db.execute("SELECT output FROM task").fetchall()
    assert json.loads(stored) == output


def test_a_connection_that_fails_midway_is_a_finding(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    db.execute("CREATE TABLE job (id)")
    assert {finding.code for finding in verify(db)} == {"store.corrupt"}
    db.close()
