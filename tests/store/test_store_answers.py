"""Tasks that wait: no slot, no attempt, one answer."""

from __future__ import annotations

import pytest

from core.model.commands.signals import Signal, Signalled
from core.model.commands.work import Cancel, ComeDue, Fail, Hold, Rerun, Unhold
from core.model.outcomes import Succeeded
from core.model.patterns.judgements import Await, Decide, SkipIt
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, flat, task

DAY = 86_400_000


def wait(key: str, *needs: object, **more: object):
    return task(key, *needs, uses="signal", waits=True, **more)  # type: ignore[arg-type]


def judged(deck: Deck, of: str, /, **what: object) -> None:
    deck.do(Decide(task_id=deck.id(of), verdict=Await(**what)))  # type: ignore[arg-type]


def send(deck: Deck, name: str = "go", **more: object) -> Signalled:
    (answer,) = deck.do(Signal(**{"name": name, "keep_ms": DAY, "actor": "ada", **more}))  # type: ignore[arg-type]
    deck.settle()
    return answer


def test_a_task_waits_without_slot_or_attempt_until_its_time_has_come(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), wait("w", "a"), task("b", "w")))
    deck.drain()
    assert [one for report in deck.reports for one in report.conditions] == [deck.id("w")]
    judged(deck, "w", for_ms=5_000)
    due = deck.now + 5_000
    assert (deck.status("w"), deck.report.next_due, deck.claim()) == ("waiting", due, [])
    deck.come_due(due - 11)
    assert deck.status("w") == "waiting"
    deck.come_due(due)
    assert (deck.status("w"), deck.status("b"), deck.report.next_due) == ("succeeded", "queued", None)
    deck.drain()
    assert deck.job_status(work) == "succeeded"
    assert deck.history(task="w") == ["task.created", "task.waiting", "task.succeeded"]
    assert (deck.column("w", "epoch"), deck.attempts("w")) == (0, [])


def test_a_moment_of_the_wall_clock_comes_by_that_clock(deck: Deck) -> None:
    deck.submit(flat(wait("w")))
    judged(deck, "w", until=deck.now + 60_000)
    deck.offset = 30_000
    deck.do(ComeDue())
    assert deck.report.next_due == deck.value("SELECT until FROM awaited") + 30_000  # type: ignore[operator]
    deck.come_due(int(str(deck.report.next_due)) - 11)
    assert deck.status("w") == "waiting"
    deck.come_due(deck.now + 10)
    assert deck.status("w") == "succeeded"


def test_a_signal_answers_the_task_that_waits_longest_and_its_data_is_the_output(deck: Deck) -> None:
    work = deck.submit(flat(wait("a"), wait("b"), wait("c")))
    for key, name in (("a", "go"), ("b", "go"), ("c", "other")):
        judged(deck, key, signal=name, key="7")
    answer = send(deck, key="7", data={"n": 1}, uid="x")
    assert (answer.task_id, answer.duplicate) == (deck.id("a"), False)
    assert deck.statuses(work) == {"a": "succeeded", "b": "waiting", "c": "waiting"}
    ((told,),) = deck.rows("SELECT output->'$.data' FROM task WHERE key = 'a'")
    assert told == '{"n":1}'
    assert deck.rows("SELECT actor FROM event WHERE kind = 'task.succeeded'") == [("ada",)]
    again = send(deck, key="7", data=2, uid="x")
    assert (again.task_id, again.duplicate, deck.status("b")) == (deck.id("a"), True, "waiting")
    assert send(deck, key="8").task_id is None


def test_an_early_signal_is_kept_until_it_is_read_or_expires(deck: Deck) -> None:
    send(deck, data="early")
    send(deck, data="late", keep_ms=1)
    deck.submit(flat(wait("a"), wait("b")))
    judged(deck, "a", signal="go")
    assert deck.status("a") == "succeeded"
    judged(deck, "b", signal="go")
    assert deck.status("b") == "waiting"
    send(deck, name="other")
    assert deck.rows("SELECT data FROM signal WHERE name = 'go'") == [('"early"',)]


def test_the_row_decides_between_a_signal_and_its_deadline(deck: Deck) -> None:
    work = deck.submit(flat(wait("a"), wait("b"), on_task_failure=CONTINUE))
    judged(deck, "a", signal="go", within_ms=100)
    judged(deck, "b", signal="go", within_ms=500)
    deck.now += 200
    deck.do(ComeDue(), Signal(name="go", keep_ms=DAY))
    assert sorted(deck.statuses(work).values()) == ["succeeded", "waiting"] or deck.statuses(work) == {
        "a": "failed",
        "b": "succeeded",
    }
    deck.now += 1_000
    deck.do(ComeDue())
    assert deck.rows("SELECT count(*) FROM awaited") == [(0,)]
    assert "waiting" not in deck.statuses(work).values()


def test_a_deadline_fails_the_task_with_its_family_and_a_rerun_waits_again(deck: Deck) -> None:
    work = deck.submit(flat(wait("a")))
    judged(deck, "a", signal="go", key="7", within_ms=100)
    deck.come_due(deck.now + 200)
    assert (deck.status("a"), deck.job_status(work)) == ("failed", "failed")
    (told,) = deck.told("task.failed")
    assert told["error"] == {
        "code": "signal.timeout",
        "message": "the signal go with the key 7 did not come in time",
    }
    deck.do(Rerun(job_id=work))
    assert deck.report.conditions == [deck.id("a")]
    judged(deck, "a", signal="go", key="7")
    send(deck, key="7")
    assert deck.job_status(work) == "succeeded"


def test_a_held_task_hears_neither_its_time_nor_its_signal_until_it_is_released(deck: Deck) -> None:
    deck.submit(flat(wait("a"), wait("b")))
    judged(deck, "a", for_ms=100)
    judged(deck, "b", signal="go")
    deck.do(Hold(task_ids=(deck.id("a"), deck.id("b"))))
    assert deck.report.next_due is None
    deck.come_due(deck.now + 1_000)
    assert send(deck).task_id is None
    assert (deck.status("a"), deck.status("b")) == ("held", "held")
    deck.do(Unhold(task_ids=(deck.id("a"),)))
    assert deck.status("a") == "waiting"
    assert deck.report.next_due is not None
    deck.do(ComeDue())
    deck.do(Rerun(task_ids=(deck.id("b"),)))
    assert (deck.status("a"), deck.status("b")) == ("succeeded", "succeeded")


@pytest.mark.parametrize("held", [False, True])
def test_what_ends_a_waiting_task_forgets_what_it_waited_for(deck: Deck, *, held: bool) -> None:
    deck.submit(flat(wait("a"), wait("b"), task("z")))
    judged(deck, "a", signal="go")
    judged(deck, "b", signal="go")
    if held:
        deck.do(Hold(task_ids=(deck.id("a"), deck.id("b"))))
        deck.do(Fail(task_ids=(deck.id("b"),), actor="ada"))
    deck.do(Cancel(task_ids=(deck.id("a"), deck.id("b"))))
    assert deck.rows("SELECT task_id FROM awaited") == []
    assert send(deck).task_id is None


def test_a_task_whose_condition_is_false_never_waits_and_a_late_judgement_is_an_event(deck: Deck) -> None:
    deck.submit(flat(wait("a", when="x"), task("z")))
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    judged(deck, "a", for_ms=1)
    assert (deck.status("a"), deck.history(task="a")[-1]) == ("skipped", "task.judged_late")


def test_a_thousand_parked_tasks_take_no_slot_and_wake_nothing(deck: Deck) -> None:
    deck.submit(flat(*(wait(f"w{n}") for n in range(1_000)), task("z")))
    deck.do(*(Decide(task_id=n, verdict=Await(signal="go", key=str(n))) for n in range(1, 1_001)))
    written = deck.db.total_changes
    assert [claimed.key for claimed in deck.claim(1)] == ["z"]
    deck.end("z", Succeeded())
    assert deck.report.next_due is None
    assert deck.db.total_changes - written < 60
    plans = deck.rows("EXPLAIN QUERY PLAN SELECT min(due_at) FROM awaited WHERE is_held = 0 AND due_at > 0")
    assert all(row[-1] != "SCAN awaited" for row in plans)


def test_after_a_crash_a_wait_goes_on(deck: Deck) -> None:
    work = deck.submit(flat(wait("a"), wait("b", "a")))
    deck.crash()
    judged(deck, "a", for_ms=100)
    deck.crash()
    deck.do()
    assert deck.report.next_due is not None
    deck.come_due(deck.now + 200)
    deck.crash()
    judged(deck, "b", signal="go")
    deck.crash()
    send(deck)
    assert (deck.job_status(work), verify(deck.db)) == ("succeeded", ())
