"""Two contenders for every row: whoever comes second finds the guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest

from core.model.commands.work import (
    Cancel,
    ComeDue,
    Command,
    Fail,
    Hold,
    Kill,
    Operated,
    Pause,
    Rerun,
    Resume,
    Submit,
    Unhold,
)
from core.model.errors import Bug
from core.model.lanes import Picks
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Cancelled,
    Interrupted,
    Lost,
    Requeue,
    RetryAt,
    Succeeded,
    TaskError,
)
from core.model.patterns.judgements import Decide, FailIt, Proceed, SkipIt
from core.model.records import replace
from core.store.transaction import Group, carry_out
from tests.support.deck import Deck
from tests.support.factories import FINISH, failure, flat, retrying, task
from tests.support.refused import Refused

Contender = Callable[..., Command]
"""Makes a command about the newest task of a key, or about its job."""
ERROR = TaskError(code="when.type", message="no boolean")

LATE = ("task.duplicate", "task.judged_late")
"""Kinds that tell of something without effect."""


def end(outcome: object, decision: object = None) -> Contender:
    """Complete attempt 1 of the task, whatever became of it since."""
    return lambda deck, key="a": replace(deck.completion(key, outcome, decision), epoch=1)


def on_task(kind: Callable[..., Command], **more: object) -> Contender:
    return lambda deck, key="a": kind(task_ids=(deck.id(key),), **more)


def on_job(kind: Callable[..., Command]) -> Contender:
    return lambda deck, key="a": kind(job_id=deck.column(key, "job_id"))


def judge(verdict: object) -> Contender:
    return lambda deck, key="a": Decide(task_id=deck.id(key), verdict=verdict)  # type: ignore[arg-type]


CONTENDERS: dict[str, Contender] = {
    "succeed": end(Succeeded(output=1)),
    "fail": end(failure()),
    "retry": end(failure(), RetryAt(at=1_000)),
    "lose and hold": end(Lost(reason="?"), AskOperator()),
    "interrupt": end(Interrupted()),
    "bounce": end(Bounced(reason="?"), Requeue()),
    "cancelled": end(Cancelled()),
    "proceed": judge(Proceed()),
    "skip": judge(SkipIt()),
    "cannot judge": judge(FailIt(error=ERROR)),
    "come due": lambda *_: ComeDue(),
    "cancel": on_task(Cancel),
    "kill": on_task(Kill),
    "hold": on_task(Hold),
    "unhold": on_task(Unhold),
    "give up": on_task(Fail),
    "rerun": on_task(Rerun),
    "rerun downstream": on_task(Rerun, downstream=True),
    "cancel job": on_job(Cancel),
    "pause job": on_job(Pause),
    "resume job": on_job(Resume),
    "rerun job": on_job(Rerun),
}
STATES = ("blocked", "queued", "running", "retrying", "held", "final")


def bring(deck: Deck, state: str, *keys: str) -> None:
    """Make a job for each key: its task in this state, a dependant, and one more that keeps the job open."""
    keys = keys or ("a",)
    when = "x" if state == "blocked" else None
    plans = [(task(key, when=when, retry=retrying(3), priority=5), task("b", key), task("z")) for key in keys]
    deck.do(*(Submit(plan=flat(*plan, on_task_failure=FINISH), actor="tester") for plan in plans))
    if state == "held":
        deck.do(Hold(task_ids=tuple(map(deck.id, keys))))
    if state in ("running", "retrying", "final"):
        deck.claim(len(keys))
    if state == "retrying":
        deck.do(*(deck.completion(key, failure(), RetryAt(at=900_000)) for key in keys))
    if state == "final":
        deck.do(*map(deck.completion, keys))


@pytest.mark.parametrize("state", STATES)
def test_any_two_contenders_leave_a_legal_history(deck: Deck, state: str) -> None:
    # One store for all pairs: each has a job of its own, and what is left of the jobs is swept away.
    for first in CONTENDERS:
        bring(deck, state, *CONTENDERS)
        for second in CONTENDERS:
            assert deck.status(second) == state or state == "final"
            for name in (first, second):
                deck.ask(CONTENDERS[name](deck, second))
                deck.settle()
        sweep(deck, [deck.column(second, "job_id") for second in CONTENDERS])


def sweep(deck: Deck, jobs: Sequence[object]) -> None:
    """Cancel jobs, and see that they end."""
    deck.ask(*(Cancel(job_id=job) for job in jobs))  # type: ignore[arg-type]
    deck.settle()
    running = deck.rows("SELECT id FROM task WHERE status = 'running'")
    deck.do(*(deck.completion(task_id) for (task_id,) in running))
    deck.settle()
    assert {deck.job_status(job) for job in jobs} <= {"succeeded", "failed", "cancelled"}  # type: ignore[arg-type]


ENDS = ["succeed", "fail", "retry", "lose and hold", "interrupt", "bounce", "cancelled"]


@pytest.mark.parametrize(("first", "second"), list(product(ENDS, repeat=2)))
def test_of_two_ends_of_one_attempt_the_first_stands(deck: Deck, first: str, second: str) -> None:
    bring(deck, "running")
    deck.do(CONTENDERS[first](deck))
    status, attempts = deck.status("a"), deck.attempts("a")
    (answer,) = deck.do(CONTENDERS[second](deck))
    assert not answer.landed  # type: ignore[union-attr]
    assert (deck.status("a"), deck.attempts("a")) == (status, attempts)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("blocked", "proceed"),
        ("blocked", "skip"),
        ("blocked", "cannot judge"),
        ("blocked", "cancel"),
        ("queued", "hold"),
        ("queued", "cancel"),
        ("running", "cancel"),
        ("running", "kill"),
        ("retrying", "hold"),
        ("retrying", "cancel"),
        ("retrying", "rerun"),
        ("held", "unhold"),
        ("held", "give up"),
        ("held", "cancel"),
        ("held", "rerun"),
        ("final", "rerun"),
        ("queued", "cancel job"),
        ("queued", "pause job"),
    ],
)
def test_the_same_verb_twice_moves_a_row_once(deck: Deck, state: str, name: str) -> None:
    bring(deck, state)
    deck.do(CONTENDERS[name](deck))
    moved = deck.picture()
    events = [kind for kind in deck.history() if kind not in LATE]
    (answer,) = deck.do(CONTENDERS[name](deck))
    assert answer is None or (isinstance(answer, Operated) and answer.changed == 0)
    assert deck.picture() == moved
    assert [kind for kind in deck.history() if kind not in LATE] == events


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [("give up", "unhold", "failed"), ("unhold", "give up", "queued"), ("cancel", "give up", "cancelled")],
)
def test_of_two_decisions_on_a_held_task_the_first_stands(
    deck: Deck, first: str, second: str, status: str
) -> None:
    bring(deck, "held")
    before = deck.events()
    one, two = deck.do(CONTENDERS[first](deck), CONTENDERS[second](deck))
    assert (one.changed, two.changed, len(two.refused)) == (1, 0, 1)  # type: ignore[union-attr]
    assert deck.status("a") == status
    told = [event for event in deck.events()[len(before) :] if event[3] == deck.id("a")]
    assert len(told) == 1


def test_a_judgement_that_nobody_asked_for_changes_nothing(deck: Deck) -> None:
    deck.submit(flat(task("n"), task("a", "n", when="x")))
    before = deck.picture()
    for name in ("proceed", "skip", "cannot judge"):
        deck.do(CONTENDERS[name](deck))
    assert deck.picture() == before


@pytest.mark.parametrize("state", ["blocked", "running", "retrying", "held", "final"])
def test_what_is_not_queued_cannot_be_claimed(deck: Deck, state: str) -> None:
    bring(deck, state)
    before = of_task(deck, "a")
    picks = Picks(task_ids=(deck.id("a"),), vtimes={})
    rules = replace(deck.writer.rules, choose=lambda *_, **__: picks)
    writer = replace(deck.writer, rules=rules)
    _, report = carry_out(writer, Group(commands=(), slots=5, now=deck.now))
    assert "a" not in [claimed.key for claimed in report.claimed]
    assert "could not be claimed" in report.faults[0].message
    assert of_task(deck, "a") == before


def of_task(deck: Deck, key: str) -> list[object]:
    """Return the row of a task, and those of its attempts and events."""
    number = deck.id(key)
    return [
        deck.rows("SELECT * FROM task WHERE id = ?", number),
        deck.rows("SELECT * FROM attempt WHERE task_id = ?", number),
        deck.rows("SELECT * FROM event WHERE task_id = ?", number),
    ]


@pytest.mark.parametrize("name", ["succeed", "fail"])
def test_a_running_task_without_an_open_attempt_is_a_bug_and_stays(deck: Deck, name: str) -> None:
    bring(deck, "running")
    deck.db.execute("UPDATE attempt SET status = 'lost', finished_at = 1")
    before = deck.picture(), deck.events()
    (answer,) = deck.ask(CONTENDERS[name](deck))
    assert isinstance(answer, Bug)
    assert answer.code == "attempt.missing"
    assert (deck.picture(), deck.events()) == before
    deck.db.execute("UPDATE attempt SET status = 'running', finished_at = NULL")


def test_an_open_attempt_of_a_task_that_does_not_run_is_a_bug(deck: Deck) -> None:
    bring(deck, "final")
    ended = deck.value("SELECT finished_at FROM attempt")
    deck.db.execute("UPDATE attempt SET status = 'running', finished_at = NULL")
    (answer,) = deck.ask(CONTENDERS["fail"](deck))
    assert isinstance(answer, Bug)
    assert answer.code == "attempt.stuck"
    deck.db.execute("UPDATE attempt SET status = 'succeeded', finished_at = ?", (ended,))


def test_a_verdict_is_given_once_whoever_comes_first(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("y"), task("z")))
    deck.claim()
    deck.do(Cancel(job_id=work, reason="enough", actor="ada"), deck.completion("a", failure()))
    (refusal,) = deck.operate(Cancel(job_id=work, reason="once more", actor="bob")).refused
    assert refusal == Refused(work, "the job is ending already")
    assert deck.rows("SELECT status, verdict, reason FROM job WHERE id = ?", work) == [
        ("ending", "cancelled", "enough")
    ]
    deck.end("y", failure())
    deck.end("z")
    assert deck.job_status(work) == "cancelled"
    assert deck.history(job=work).count("job.ending") == 1
