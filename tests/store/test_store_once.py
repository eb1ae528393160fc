"""Tests of `once`: one task for each key."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, Enqueue, Enqueued, Recount, Rehearse, Rerun
from core.model.limits.once import Once
from core.model.outcomes import Succeeded
from core.model.plans import TaskPlan
from core.model.refusals import ONCE_TAKEN
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import FINISH, done, failure, flat, job, stage, task
from tests.support.recounts import findings
from tests.support.refused import Refused

HOUR = 3_600_000


def once(key: str = "k", for_: str = "unfinished", *, name: str = "a", **more: object) -> TaskPlan:
    return task(name, once=Once(key=key, for_=for_), **more)


def enqueue(deck: Deck, *plans: TaskPlan, actor: str = "ann") -> Enqueued:
    (answer,) = deck.do(Enqueue(tasks=plans, actor=actor))
    assert isinstance(answer, Enqueued)
    return answer


def is_free(deck: Deck, key: str = "k") -> bool:
    """Try a task with the key; it takes the key if that is free."""
    return enqueue(deck, once(key, name="probe")).duplicates == ()


def ended(deck: Deck, for_: str, how: str) -> int:
    """Bring a task with the key `k` to its end."""
    (first,) = enqueue(deck, once(for_=for_)).task_ids
    if how == "cancelled":
        deck.operate(Cancel(task_ids=(first,)))
    else:
        deck.claim()
        deck.end(first, Succeeded() if how == "succeeded" else failure())
    assert deck.status(first) == how
    return first


def test_a_second_one_is_not_created_and_the_answer_names_the_first(deck: Deck) -> None:
    assert enqueue(deck, once()) == Enqueued(task_ids=(1,))
    second = enqueue(deck, task("x"), once(name="b"), task("y"), once("other", name="c"))
    assert second == Enqueued(task_ids=(2, 1, 3, 4), duplicates=(1,))
    assert deck.rows("SELECT id, key FROM task ORDER BY id") == [(1, "a"), (2, "x"), (3, "y"), (4, "c")]
    assert deck.told("once.refused") == [{"key": "k", "times": 1}]
    assert deck.rows("SELECT job_id, task_id, actor FROM event WHERE kind = 'once.refused'") == [
        (1, 1, "ann")
    ]


def test_two_of_one_request_with_one_key_are_one_task(deck: Deck) -> None:
    answer = enqueue(deck, once(), once(name="b"), once(name="c"))
    assert answer == Enqueued(task_ids=(1, 1, 1), duplicates=(1, 2))
    assert deck.told("once.refused") == [{"key": "k", "times": 2}]
    assert deck.history(task="a") == ["task.created", "once.refused"]


def test_two_contenders_of_one_transaction_get_one_task(deck: Deck) -> None:
    answers = deck.do(*(Enqueue(tasks=(once(name=name),)) for name in "ab"))
    assert answers == [Enqueued(task_ids=(1,)), Enqueued(task_ids=(1,), duplicates=(0,))]


def test_a_request_that_is_refused_takes_no_key(deck: Deck) -> None:
    (refused,) = deck.ask(Enqueue(tasks=(once(), task("b", priority=2**63))))
    assert isinstance(refused, Exception)
    assert is_free(deck)


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
@pytest.mark.parametrize(("for_", "free"), [("unfinished", True), ("1h", False), ("ever", False)])
def test_an_end_frees_the_key_for_unfinished_alone(deck: Deck, for_: str, how: str, *, free: bool) -> None:
    ended(deck, for_, how)
    assert is_free(deck) == free


def test_a_key_is_free_when_its_time_is_over_also_while_its_task_goes_on(deck: Deck) -> None:
    (first,) = enqueue(deck, once(for_="1h")).task_ids
    until = deck.now + HOUR
    deck.now = until - 20
    assert not is_free(deck)
    deck.now = until - 10
    assert is_free(deck)
    assert deck.status(first) == "queued"


def test_the_time_of_a_key_is_no_matter_of_the_wall_clock(deck: Deck) -> None:
    enqueue(deck, once(for_="1h"))
    deck.offset = -2 * HOUR
    assert not is_free(deck)


def test_the_first_says_how_long_the_key_is_taken(deck: Deck) -> None:
    enqueue(deck, once(for_="ever"))
    deck.drain()
    assert enqueue(deck, once(for_="unfinished")).duplicates == (0,)
    assert deck.value("SELECT lasts FROM once_key") == "ever"


def test_a_key_outlives_the_row_of_its_task_over_a_recount(deck: Deck) -> None:
    enqueue(deck, once(for_="ever"), once("brief", name="b"), task("c"))
    deck.drain()
    for statement in (
        "DELETE FROM task WHERE id < 3",
        "DELETE FROM attempt WHERE task_id < 3",
        "UPDATE counter SET n = 1 WHERE n = 3",
    ):
        deck.db.execute(statement)
    assert findings(deck.db) == ()
    assert enqueue(deck, once()) == Enqueued(task_ids=(1,), duplicates=(0,))
    assert enqueue(deck, once("brief")).duplicates == ()
    deck.db.execute("UPDATE once_key SET lasts = 'ever'")
    assert deck.do(Recount()) == [1]
    assert deck.rows("SELECT key, lasts FROM once_key") == [('"brief"', "unfinished"), ('"k"', "ever")]
    assert enqueue(deck, once()).duplicates == (0,)


def test_keys_of_any_text_are_told_apart(deck: Deck) -> None:
    keys = ("k", "K", "k ", "ü", "\udcff", "a\0b", "a", '"')
    assert enqueue(deck, *map(once, keys)).duplicates == ()
    assert enqueue(deck, *map(once, keys)).duplicates == tuple(range(len(keys)))
    assert findings(deck.db) == ()


@pytest.mark.parametrize("for_", ["unfinished", "1h", "ever"])
def test_a_rerun_keeps_the_key(deck: Deck, for_: str) -> None:
    first = ended(deck, for_, "failed")
    free_at = deck.value("SELECT free_at FROM once_key")
    assert deck.operate(Rerun(task_ids=(first,))).changed == 1
    assert enqueue(deck, once()) == Enqueued(task_ids=(first,), duplicates=(0,))
    assert deck.value("SELECT free_at FROM once_key") == free_at


def test_a_rerun_is_refused_while_another_has_the_key_and_takes_it_then(deck: Deck) -> None:
    first = ended(deck, "unfinished", "failed")
    (second,) = enqueue(deck, once(name="b")).task_ids
    refused = deck.operate(Rerun(task_ids=(first,)))
    assert refused.refused == (Refused(first, f"task {second} has its key, by `once`", ONCE_TAKEN),)
    assert deck.status(first) == "failed"
    deck.drain()
    assert deck.operate(Rehearse(operation=Rerun(task_ids=(first,)))).changed == 1
    assert deck.value("SELECT task_id FROM once_key") == second
    assert deck.operate(Rerun(task_ids=(first,))).changed == 1
    assert enqueue(deck, once()).task_ids == (first,)


def test_of_two_that_run_again_with_one_key_the_first_does(deck: Deck) -> None:
    first = ended(deck, "unfinished", "failed")
    (second,) = enqueue(deck, once(name="b")).task_ids
    deck.drain(fail=lambda _: failure())
    answer = deck.operate(Rerun(task_ids=(first, second)))
    assert (answer.changed, [one.id for one in answer.refused]) == (1, [second])
    assert (deck.status(first), deck.status(second)) == ("queued", "failed")


def test_in_a_job_a_second_one_is_skipped_with_what_needs_its_success(deck: Deck) -> None:
    (first,) = enqueue(deck, once()).task_ids
    plans = (once(name="b"), task("c", "b"), task("d", done("b")), task("e"))
    work = deck.submit(job(stage(*plans), stage(task("f"))))
    deck.settle()
    assert deck.statuses(work) == {
        "b": "skipped",
        "c": "skipped",
        "d": "queued",
        "e": "queued",
        "f": "blocked",
    }
    assert deck.column("b", "status_reason") == f"task {first} has its key, by `once`"
    assert deck.told("task.skipped")[0] == {
        "once": first,
        "reason": f"task {first} has its key, by `once`",
        "from": "blocked",
    }
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_a_job_all_of_whose_tasks_are_skipped_for_their_keys_ends(deck: Deck) -> None:
    enqueue(deck, once(), once("l", name="b"))
    work = deck.submit(job(stage(once(name="x")), stage(once("l", name="y"), once("l", name="z"))))
    deck.settle()
    assert deck.statuses(work) == {"x": "skipped", "y": "skipped", "z": "skipped"}
    assert deck.job_status(work) == "succeeded"


def test_a_conditional_second_one_is_not_judged(deck: Deck) -> None:
    enqueue(deck, once())
    deck.submit(flat(once(name="b", when="true")))
    assert (deck.report.conditions, deck.status("b")) == ([], "skipped")


def test_jobs_and_loose_tasks_have_the_same_keys_and_stages_too(deck: Deck) -> None:
    work = deck.submit(
        job(stage(task("a")), stage(once(name="b"), name="two"), stage(once(name="c"), name="3"))
    )
    assert enqueue(deck, once(name="d")).task_ids == (deck.id("b"),)
    assert deck.rows("SELECT job_id FROM event WHERE kind = 'once.refused'") == [(work,), (work,)]
    assert deck.status("c") == "skipped"
    deck.drain()
    assert (deck.job_status(work), is_free(deck)) == ("succeeded", True)


def test_a_task_that_is_skipped_frees_its_key(deck: Deck) -> None:
    plans = (task("bad"), task("needy", "bad", once=Once(key="m", for_="ever")), once("l", "ever"))
    deck.submit(flat(*plans, on_task_failure=FINISH))
    deck.drain(fail=lambda key: failure() if key == "bad" else None)
    assert (deck.status("needy"), deck.status("a")) == ("skipped", "succeeded")
    assert (is_free(deck, "m"), is_free(deck, "l")) == (True, False)


def test_a_job_that_is_retried_leaves_out_whose_key_another_has(deck: Deck) -> None:
    work = deck.submit(flat(once(name="b"), task("c", "b"), task("d"), on_task_failure=FINISH))
    deck.drain(fail=lambda _: failure())
    assert deck.statuses(work) == {"b": "failed", "c": "skipped", "d": "failed"}
    (other,) = enqueue(deck, once()).task_ids
    answer = deck.operate(Rerun(job_id=work))
    assert [one.reason for one in answer.refused] == [f"task {other} has its key, by `once`"]
    deck.settle()
    assert deck.statuses(work) == {"b": "failed", "c": "skipped", "d": "queued"}
    deck.drain()
    assert deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True)).changed == 2


def test_a_dependant_of_one_that_may_not_run_again_is_refused_too(deck: Deck) -> None:
    work = deck.submit(flat(once(name="b"), task("c", "b"), on_task_failure=FINISH))
    deck.drain(fail=lambda _: failure())
    enqueue(deck, once())
    answer = deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True))
    assert (answer.changed, len(answer.refused)) == (0, 2)
    assert deck.statuses(work) == {"b": "failed", "c": "skipped"}


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM once_key", "UPDATE once_key SET lasts = 'ever'", "UPDATE once_key SET task_id = 3"],
)
def test_a_recount_makes_the_keys_agree_with_the_tasks(deck: Deck, damage: str) -> None:
    enqueue(deck, once(), once("l", name="b"), task("c"))
    right = deck.rows("SELECT * FROM once_key ORDER BY key")
    deck.db.execute(damage)
    assert {one.code.partition(".")[0] for one in verify(deck.db)} == {"once_key"}
    (repaired,) = deck.do(Recount())
    assert repaired
    assert [row[:4] for row in deck.rows("SELECT * FROM once_key ORDER BY key")] == [row[:4] for row in right]


def test_a_recount_keeps_the_time_of_a_key(deck: Deck) -> None:
    deck.offset = HOUR
    enqueue(deck, once(for_="1h"))
    ((free_at,),) = deck.rows("SELECT free_at FROM once_key")
    deck.db.execute("DELETE FROM once_key")
    deck.do(Recount())
    assert deck.rows("SELECT lasts, free_at FROM once_key") == [("timed", free_at)]


def test_a_task_tells_its_key_from_its_first_event_on(deck: Deck) -> None:
    enqueue(deck, once(for_="1h"))
    (created,) = deck.told("task.created")
    assert isinstance(created, dict)
    assert created["once"] == {"key": "k", "for": "1h", "ms": HOUR}
