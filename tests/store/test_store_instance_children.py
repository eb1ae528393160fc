"""Children and worklets of instances: stopped with their group, rerun with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Cancel, Hold, Rerun
from core.model.outcomes import GiveUp
from core.model.patterns.children import OnFailure
from core.model.patterns.instances import ForEach, OnInstanceFailure
from core.model.patterns.judgements import BeginChild, BeginWorklet, Decide, Expand, TakeOutputs
from core.model.plans import JobPlan, StagePlan
from core.store import batch
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, failure, flat, stage, task
from tests.support.factories import job as plan_of
from tests.support.recounts import findings

INNER = flat(task("a"), name="inner")


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.settle()
    assert findings(made.db) == ()
    made.db.close()


def submit(deck: Deck, items: int, *, plan: JobPlan = INNER, **said: object) -> int:
    """Submit a group of children and begin them; return the job."""
    each = ForEach(**said)  # type: ignore[arg-type]
    job = deck.submit(flat(task("g", uses="workflow", waits=True, for_each=each), on_task_failure=CONTINUE))
    deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=list(range(items)))))
    for item in range(items):
        begin(deck, item, plan)
    deck.settle()
    return job


def begin(deck: Deck, item: int, plan: JobPlan = INNER) -> None:
    deck.do(Decide(task_id=deck.id(f"g[{item}]"), verdict=BeginChild(plan=plan)))


def children(deck: Deck, item: int) -> list[str]:
    """Return how the children of an instance stand, the first one first."""
    sql = "SELECT status FROM job WHERE parent_task = ? ORDER BY id"
    return [status for (status,) in deck.rows(sql, deck.id(f"g[{item}]"))]


def inner(deck: Deck, item: int) -> int:
    """Return the task of the newest child of an instance."""
    sql = (
        "SELECT t.id FROM task t JOIN job j ON j.id = t.job_id WHERE j.parent_task = ?"
        " ORDER BY j.id DESC LIMIT 1"
    )
    return int(str(deck.value(sql, deck.id(f"g[{item}]"))))


def standing(deck: Deck, *items: int) -> list[str]:
    return [deck.status(f"g[{item}]") for item in items]


@pytest.mark.parametrize("ends_by", ["failure", "threshold", "cancel"])
def test_the_end_of_a_group_stops_the_children_of_its_instances_and_its_job_waits_for_them(
    deck: Deck, ends_by: str
) -> None:
    ends = {"failure": "failed", "threshold": "succeeded", "cancel": "cancelled"}
    job = submit(deck, 2, threshold="1" if ends_by == "threshold" else None)
    deck.claim()
    if ends_by == "cancel":
        deck.do(Cancel(task_ids=(deck.id("g"),), actor="ann", reason="enough"))
    else:
        deck.end(inner(deck, 0), failure() if ends_by == "failure" else None)
    deck.settle()
    assert deck.status("g") == ends[ends_by]
    assert (standing(deck, 1), children(deck, 1), deck.job_status(job)) == (
        ["waiting"],
        ["ending"],
        "running",
    )
    assert deck.history(task="g[1]").count("task.stop_requested") == 1
    assert [stop.task_id for report in deck.reports for stop in report.stops].count(inner(deck, 1)) == 1
    if ends_by == "cancel":
        deck.end(inner(deck, 0), failure())
    deck.end(inner(deck, 1), failure())
    deck.settle()
    assert (standing(deck, 1), children(deck, 1)) == (["cancelled"], ["cancelled"])
    assert deck.job_status(job) == ends[ends_by]
    assert str(deck.column("g[1]", "status_reason")).startswith("its group g ")


def test_an_instance_whose_child_had_succeeded_takes_its_outputs_after_the_end_of_its_group(
    deck: Deck,
) -> None:
    job = submit(deck, 2, plan=flat(task("a"), name="inner", outputs={"n": 1}))
    deck.claim()
    deck.end(inner(deck, 1))
    deck.end(inner(deck, 0), failure())
    deck.settle()
    assert standing(deck, 0, 1) == ["failed", "waiting"]
    deck.do(Decide(task_id=deck.id("g[1]"), verdict=TakeOutputs(outputs={"n": 1})))
    deck.settle()
    assert (standing(deck, 1), deck.job_status(job)) == (["succeeded"], "failed")


def test_an_instance_that_is_held_while_its_child_runs_stops_it_too(deck: Deck) -> None:
    job = submit(deck, 3)
    deck.claim()
    deck.do(Hold(task_ids=(deck.id("g[1]"), deck.id("g[2]"))))
    deck.end(inner(deck, 2), failure())
    assert (standing(deck, 2), children(deck, 2)) == (["held"], ["failed"])
    deck.end(inner(deck, 0), failure())
    deck.settle()
    assert (standing(deck, 1, 2), children(deck, 1)) == (["held", "cancelled"], ["ending"])
    deck.end(inner(deck, 1), failure())
    deck.settle()
    assert (standing(deck, 1), deck.job_status(job)) == (["cancelled"], "failed")


def test_a_group_that_is_held_holds_instances_that_wait_for_a_child(deck: Deck) -> None:
    submit(deck, 2)
    deck.do(Hold(task_ids=(deck.id("g"),)))
    deck.settle()
    assert (standing(deck, 0, 1), children(deck, 0)) == (["held", "held"], ["pending"])


def test_children_of_many_instances_are_stopped_in_parts(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(deck, 6)
    claimed = deck.claim()
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 2)
    deck.do(Cancel(task_ids=(deck.id("g"),), actor="ann"))
    asked = "SELECT count(*) FROM task WHERE set_id IS NOT NULL AND stop_at IS NOT NULL"
    first = deck.value(asked)
    deck.settle()
    assert (first in (2, 4), deck.value(asked)) == (True, 6)
    deck.end_all(claimed)
    deck.settle()
    assert {status for item in range(6) for status in children(deck, item)} == {"cancelled"}


def test_the_end_of_a_group_stops_the_worklets_of_its_instances(deck: Deck) -> None:
    repair = OnFailure(workflow="repair", max=2)
    job = deck.submit(flat(task("g", on_failure=repair, for_each=ForEach()), on_task_failure=CONTINUE))
    deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=[0, 1, 2])))
    deck.claim()
    deck.end("g[1]", failure(), GiveUp())
    deck.end("g[2]", failure(), GiveUp())
    fix = BeginWorklet(plan=flat(task("fix"), name="repair"))
    deck.do(Decide(task_id=deck.id("g[1]"), verdict=fix))
    deck.claim()
    deck.do(Cancel(task_ids=(deck.id("g"),), actor="ann"))
    deck.end("g[0]")
    deck.settle()
    assert standing(deck, 0, 1, 2) == ["succeeded", "waiting", "cancelled"]
    assert (children(deck, 1), deck.job_status(job)) == (["ending"], "running")
    deck.end("fix")
    deck.settle()
    assert (standing(deck, 1), children(deck, 1)) == (["cancelled"], ["cancelled"])
    assert deck.job_status(job) != "running"


def test_a_job_that_is_cancelled_waits_for_the_children_of_its_instances(deck: Deck) -> None:
    job = submit(deck, 2)
    claimed = deck.claim()
    deck.do(Cancel(job_id=job, actor="ann"))
    deck.settle()
    assert (standing(deck, 0, 1), deck.job_status(job)) == (["waiting", "waiting"], "ending")
    deck.end_all(claimed)
    deck.settle()
    assert (standing(deck, 0, 1), deck.job_status(job)) == (["cancelled", "cancelled"], "cancelled")


def again(deck: Deck, *, fresh: bool = False) -> None:
    """Run the whole group again, over the same list."""
    deck.operate(Rerun(task_ids=(deck.id("g"),), actor="ann", fresh=fresh))
    deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=[0, 1])))
    deck.settle()
    for item in (0, 1):
        begin(deck, item)
    deck.settle()


def test_a_fresh_retry_of_a_group_begins_new_children_of_its_instances_also_where_one_failed(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(deck, 2, on_failure=OnInstanceFailure.FINISH)
    deck.claim()
    deck.end(inner(deck, 0))
    deck.end(inner(deck, 1), failure())
    # One instance in each batch: what a later one starts over is fresh as well.
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 1)
    again(deck, fresh=True)
    assert (children(deck, 0), children(deck, 1)) == (["succeeded", "pending"], ["failed", "pending"])
    deck.claim()
    deck.end(inner(deck, 0), failure())
    deck.end(inner(deck, 1))
    # A retry that is not fresh goes on with the child that failed.
    again(deck)
    assert [len(children(deck, item)) for item in (0, 1)] == [2, 3]


def test_a_group_that_runs_again_begins_new_children_but_for_those_that_failed(deck: Deck) -> None:
    submit(deck, 2, on_failure=OnInstanceFailure.FINISH)
    deck.claim()
    deck.end(inner(deck, 0))
    deck.end(inner(deck, 1), failure())
    assert (deck.status("g"), standing(deck, 0, 1)) == ("failed", ["succeeded", "failed"])
    again(deck)
    assert (children(deck, 0), children(deck, 1)) == (["succeeded", "pending"], ["running"])
    deck.drain()
    assert (deck.status("g"), children(deck, 0), children(deck, 1)) == (
        "succeeded",
        ["succeeded", "succeeded"],
        ["succeeded"],
    )


def test_worklets_of_a_group_that_runs_again_count_from_the_start(deck: Deck) -> None:
    repair = OnFailure(workflow="repair", max=1)
    deck.submit(flat(task("g", on_failure=repair, for_each=ForEach()), on_task_failure=CONTINUE))
    deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=[0])))
    for _ in range(2):
        deck.claim()
        deck.end("g[0]", failure(), GiveUp())
        assert deck.status("g[0]") == "waiting", "it asks for its worklet"
        fix = BeginWorklet(plan=flat(task("fix"), name="repair"))
        deck.do(Decide(task_id=deck.id("g[0]"), verdict=fix))
        deck.claim()
        deck.end("fix", failure())
        deck.settle()
        assert deck.status("g") == "failed"
        deck.operate(Rerun(task_ids=(deck.id("g"),), actor="ann"))
        deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=[0])))
        deck.settle()
    deck.drain()


def test_a_task_of_finally_that_runs_again_begins_a_new_child(deck: Deck) -> None:
    last = StagePlan(name="finally", tasks=(task("f", uses="workflow", waits=True),), is_finally=True)
    job = deck.submit(plan_of(stage(task("x")), last))

    def ends() -> None:
        deck.claim()
        deck.end("x", failure())
        deck.settle()
        deck.do(Decide(task_id=deck.id("f"), verdict=BeginChild(plan=INNER)))
        deck.drain()
        assert (deck.status("f"), deck.job_status(job)) == ("succeeded", "failed")

    ends()
    deck.operate(Rerun(job_id=job, actor="ann"))
    ends()
    sql = "SELECT status, superseded FROM job WHERE parent_task = ? ORDER BY id"
    assert deck.rows(sql, deck.id("f")) == [("succeeded", 1), ("succeeded", 0)]
