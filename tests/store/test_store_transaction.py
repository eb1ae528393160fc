"""One transaction: all or nothing, and a faulty command fails alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import pytest

from core.model.commands.work import (
    Cancel,
    ComeDue,
    Command,
    Complete,
    Completed,
    Enqueue,
    Enqueued,
    Fail,
    FollowUp,
    Hold,
    Operated,
    Pause,
    Rerun,
    Resume,
    Submit,
    Submitted,
    Unhold,
)
from core.model.errors import Bug, Invalid, Unavailable
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Interrupted,
    Lost,
    Requeue,
    RetryAt,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.patterns.judgements import Decide, FailIt, Proceed, SkipIt
from core.model.records import replace
from core.store import dispatch, transaction
from core.store.batch import Batch
from core.store.batch_report import Report
from core.store.dispatch import Apply
from core.store.transaction import Answer, Group, carry_out
from tests.support.deck import Deck
from tests.support.factories import FINISH, failure, flat, job, retrying, stage, task, tasks
from tests.support.faults import faulty

Scene = Callable[[Deck], Command]


def running(deck: Deck) -> int:
    """Start a job of two stages with a fan-out, a fan-in and a notice; return its id."""
    plans = task("a", retry=retrying(3)), task("b"), task("c", "a", "b"), task("w", "a", when="x")
    work = deck.submit(job(stage(*plans), stage(*tasks("e", 3, "a")), notify="https://example.org"))
    deck.claim()
    return work


def finished(deck: Deck) -> int:
    work = deck.submit(job(stage(task("a"), task("b", "a")), stage(task("c")), on_task_failure=FINISH))
    deck.drain(fail=lambda key: failure() if key == "a" else None)
    return work


def completing(outcome: object, decision: object = None) -> Scene:
    def scene(deck: Deck) -> Command:
        running(deck)
        return deck.completion("a", outcome, decision)  # type: ignore[arg-type]

    return scene


def last_success(deck: Deck) -> Command:
    deck.submit(flat(task("a"), notify="https://example.org"))
    deck.claim()
    return deck.completion("a", Succeeded(output="x" * 9_000))


def deciding(verdict: object) -> Scene:
    def scene(deck: Deck) -> Command:
        deck.submit(flat(task("a", when="x"), task("b", "a")))
        return Decide(task_id=deck.id("a"), verdict=verdict)  # type: ignore[arg-type]

    return scene


def coming_due(deck: Deck) -> Command:
    running(deck)
    deck.end("a", failure(), RetryAt(at=deck.now))
    return ComeDue()


def following_up(deck: Deck) -> Command:
    deck.submit(job(stage(name="empty"), stage(task("a"))))
    return FollowUp()


def cancelling_job(deck: Deck) -> Command:
    return Cancel(job_id=running(deck), reason="enough")


def cancelling_tasks(deck: Deck) -> Command:
    running(deck)
    return Cancel(task_ids=(deck.id("a"), deck.id("c"), deck.id("e0")))


def on_queue(command: Command, *before: Command) -> Scene:
    def scene(deck: Deck) -> Command:
        deck.enqueue(*tasks("a", 2))
        deck.do(*before)
        return command

    return scene


def pausing_job(deck: Deck) -> Command:
    return Pause(job_id=running(deck))


def resuming_job(deck: Deck) -> Command:
    work = running(deck)
    deck.do(Pause(job_id=work))
    return Resume(job_id=work)


def rerunning_job(deck: Deck) -> Command:
    return Rerun(job_id=finished(deck))


def rerunning_downstream(deck: Deck) -> Command:
    finished(deck)
    return Rerun(task_ids=(deck.id("a"),), downstream=True)


def submitting(deck: Deck) -> Command:
    plan = job(
        stage(task("a"), task("b", "a", queue="new")), stage(task("c")), definition_hash="h", client_key="k"
    )
    return Submit(plan=plan)


def enqueuing(deck: Deck) -> Command:
    return Enqueue(tasks=tasks("a", 3), group="g")


def giving_up(deck: Deck) -> Command:
    deck.submit(job(stage(task("a"), task("b", "a"), task("c")), stage(task("d"))))
    deck.do(Hold(task_ids=(deck.id("a"), deck.id("c"))))
    return Fail(task_ids=(deck.id("a"), deck.id("c")))


SCENES: dict[str, Scene] = {
    "submit": submitting,
    "enqueue": enqueuing,
    "succeed with fan-in": completing(Succeeded(output=1)),
    "succeed and end the job": last_success,
    "fail and bring the verdict": completing(failure()),
    "retry": completing(failure(), RetryAt(at=90_000)),
    "time out": completing(TimedOut(after_ms=1), RetryAt(at=90_000)),
    "lose and hold": completing(Lost(reason="?"), AskOperator()),
    "bounce": completing(Bounced(reason="?"), Requeue()),
    "interrupt": completing(Interrupted()),
    "proceed": deciding(Proceed()),
    "skip": deciding(SkipIt()),
    "cannot judge": deciding(FailIt(error=TaskError(code="x", message="y"))),
    "come due": coming_due,
    "follow up": following_up,
    "cancel job": cancelling_job,
    "cancel tasks": cancelling_tasks,
    "pause job": pausing_job,
    "resume job": resuming_job,
    "pause queue": on_queue(Pause(queue="default")),
    "resume queue": on_queue(Resume(queue="default"), Pause(queue="default")),
    "hold": on_queue(Hold(task_ids=(1, 2))),
    "unhold": on_queue(Unhold(task_ids=(1, 2)), Hold(task_ids=(1, 2))),
    "give up": giving_up,
    "rerun job": rerunning_job,
    "rerun downstream": rerunning_downstream,
}


def break_the_first_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every group be replayed one command at a time."""

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("the whole group fails")

    monkeypatch.setattr(transaction, "_together", broken)


@pytest.mark.parametrize("name", SCENES)
def test_whichever_statement_fails_for_good_nothing_of_a_verb_is_done(deck: Deck, name: str) -> None:
    command = SCENES[name](deck)
    before = deck.picture(), deck.events()
    answer, report, k = strike(deck, command, before, first=1, for_good=True)
    assert k > 5
    assert not isinstance(answer, Exception)
    deck.report = report
    deck.settle()


@pytest.mark.parametrize("name", SCENES)
def test_whichever_statement_of_a_replay_fails_nothing_of_a_verb_is_done(
    deck: Deck, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = SCENES[name](deck)
    break_the_first_way(monkeypatch)
    before = deck.picture(), deck.events()
    # The first two statements belong to the way that was broken.
    _, report, k = strike(deck, command, before, first=3, for_good=False)
    assert k > 7
    deck.report = report
    deck.settle()


def strike(
    deck: Deck, command: Command, before: object, *, first: int, for_good: bool
) -> tuple[Answer, Report, int]:
    """Let one statement after the other fail until none is left to fail; nothing may be done before."""
    group = Group(commands=(command,), slots=2 if for_good else 0, now=deck.now + 10)
    for k in range(first, 500):
        writer = replace(deck.writer, connection=faulty(deck.db, k=k, for_good=for_good))
        (answer,), report = carry_out(writer, group)
        assert not deck.db.in_transaction
        if not isinstance(answer, Exception):
            assert (deck.picture(), deck.events()) != before
            return answer, report, k
        assert isinstance(answer, Unavailable)
        assert answer.code == "store.failed"
        assert (deck.picture(), deck.events()) == before
    raise AssertionError("it never came to an end")


def test_a_full_disk_refuses_everybody_and_loses_nothing(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 3))
    deck.claim(2)
    before = deck.picture(), deck.history()
    pages = deck.value("PRAGMA page_count")
    deck.db.execute(f"PRAGMA max_page_count = {pages}")
    large = Enqueue(tasks=(task("b", with_={"x": "y" * 200_000}),))
    (answer,) = deck.ask(large, slots=0)
    assert isinstance(answer, Unavailable)
    assert (deck.picture(), deck.history()) == before
    deck.db.execute("PRAGMA max_page_count = 1073741823")
    deck.do(large, deck.completion("a0"))
    assert deck.status("a0") == "succeeded"


def test_a_number_too_large_for_a_row_fails_alone(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 2))
    deck.claim(2)
    unfit = Enqueue(tasks=(task("b", priority=2**63),))
    answers = deck.ask(deck.completion("a0"), unfit, Enqueue(tasks=(task("c"),)))
    assert isinstance(answers[0], Completed)
    assert isinstance(answers[1], Invalid)
    assert isinstance(answers[2], Enqueued)
    assert deck.rows("SELECT key, status FROM task ORDER BY id") == [
        ("a0", "succeeded"),
        ("a1", "running"),
        ("c", "queued"),
    ]


def test_an_id_too_large_for_a_row_fails_alone(deck: Deck) -> None:
    deck.enqueue(task("a"))
    deck.claim()
    unknown = [Complete(task_id=2**63, epoch=1, outcome=end) for end in (Succeeded(), failure())]
    answers = deck.ask(*unknown, deck.completion("a"))
    assert [type(answer) for answer in answers] == [Invalid, Invalid, Completed]
    assert deck.status("a") == "succeeded"


def test_json_too_deep_to_be_written_fails_alone(deck: Deck) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    deck.enqueue(*tasks("a", 2))
    deck.claim()
    answers = deck.ask(deck.completion("a0", Succeeded(output=deep)), deck.completion("a1"))  # type: ignore[arg-type]
    assert isinstance(answers[0], Invalid)
    assert answers[0].code == "value.unfit"
    assert answers[1] == Completed(landed=True)
    assert deck.status("a0") == "running"


def test_a_bug_in_one_command_fails_alone_and_keeps_its_cause(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transaction.phases, transaction.phases_apart  # type: ignore[attr-defined]

    def broken(apply: Apply) -> Apply:
        def run(batch: Batch, commands: Sequence[Command[object]]) -> Sequence[object]:
            answers = apply(batch, commands)
            if any(isinstance(command, Submit) and command.plan.name == "bad" for command in commands):
                raise AttributeError("oops")
            return answers

        return run

    for phases in real:
        monkeypatch.setattr(
            transaction,
            phases.__name__,
            lambda commands, phases=phases: [(broken(apply), numbers) for apply, numbers in phases(commands)],
        )
    plans = flat(task("a")), flat(task("b"), name="bad"), flat(task("c"))
    answers = deck.ask(*(Submit(plan=plan) for plan in plans), slots=5)
    assert [type(answer) for answer in answers] == [Submitted, Bug, Submitted]
    assert isinstance(answers[1].__cause__, AttributeError)  # type: ignore[union-attr]
    assert deck.rows("SELECT key FROM task ORDER BY id") == [("a",), ("c",)]
    assert "b" not in str(deck.told("task.created"))
    assert [claimed.key for claimed in deck.report.claimed] == ["a", "c"]


def test_a_group_carries_out_only_the_phases_of_its_commands_and_what_follows() -> None:
    claim_only = dispatch.phases(())
    with_two = dispatch.phases((Enqueue(tasks=tasks("a", 1)), FollowUp()))
    assert [numbers for _, numbers in claim_only] == [[]]
    assert [numbers for _, numbers in with_two] == [[1], [], [0]]


def test_a_refusal_among_the_commands_does_not_undo_the_others(deck: Deck) -> None:
    deck.enqueue(task("a"))
    answers = deck.ask(Pause(queue="?"), Hold(task_ids=(1,)))
    assert isinstance(answers[0], Exception)
    assert deck.status("a") == "held"


def test_a_broken_choice_of_claims_keeps_no_command_from_its_answer(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 2))

    def choose(*_: object, **__: object) -> object:
        raise ZeroDivisionError("no choice")

    rules = replace(deck.writer.rules, choose=choose)  # type: ignore[arg-type]
    writer = replace(deck.writer, rules=rules)
    answers, report = carry_out(writer, Group(commands=(Hold(task_ids=(1,)), ComeDue()), slots=1, now=9_000))
    assert answers == [Operated(changed=1), None]
    assert report.failure is None
    assert [fault.message for fault in report.faults] == [
        "tasks can be claimed only one by one: ZeroDivisionError: no choice"
    ]
    assert [claimed.key for claimed in report.claimed] == ["a1"]
    assert (deck.status("a0"), deck.db.in_transaction) == ("held", False)
