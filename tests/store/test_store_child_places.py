"""Children under `concurrency` limits: places waited for, taken, given back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import ChangeCapacity, SetLimit
from core.model.commands.limits import Configure
from core.model.commands.work import Cancel, Complete, Pause, Rerun, Resume
from core.model.limits.limits import Dimension, Limit, LimitKind, LimitRef
from core.model.limits.terms import Terms
from core.model.outcomes import Succeeded
from core.model.patterns.children import OnFailure
from core.model.patterns.judgements import Await, BeginChild, BeginWorklet, Decide
from core.model.plans import JobPlan, TaskPlan
from core.model.records import replace
from core.store import batch as batching
from core.store.apply.children import child_places
from core.store.apply.claims import lanes
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import failure, flat, task
from tests.support.recounts import findings

KIDS = Limit(name="kids", kind=LimitKind.CONCURRENCY, max=1)
INNER = flat(task("a"), name="inner")


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.db.close()


def configure(deck: Deck, *limits: Limit) -> None:
    deck.do(Configure(limits=limits))
    deck.settle()


def above(key: str, *, limit: str = "kids", under: str = "", **more: object) -> TaskPlan:
    """Return a task that waits for a child."""
    limits = (LimitRef(name=limit, key=under),) if limit else ()
    return task(key, uses="workflow", waits=True, when="x", limits=limits, **more)


def begin(deck: Deck, *keys: str, plan: JobPlan = INNER) -> list[int]:
    """Let tasks begin their children, each in a batch of its own; return these."""
    found = []
    for key in keys:
        deck.do(Decide(task_id=deck.id(key), verdict=BeginChild(plan=plan)))
        found.append(int(str(deck.value("SELECT child_id FROM awaited WHERE task_id = ?", deck.id(key)))))
    return found


def waiting(deck: Deck) -> list[int]:
    return [row[0] for row in deck.rows("SELECT id FROM job WHERE place_gauge IS NOT NULL ORDER BY id")]


def placed(deck: Deck) -> list[int]:
    return [row[0] for row in deck.rows("SELECT id FROM job WHERE place_set > 0 ORDER BY id")]


def taken(deck: Deck, name: str = "kids") -> dict[str, int]:
    return dict(deck.rows("SELECT key, reserved FROM gauge WHERE name = ? ORDER BY key", name))


def end_child(deck: Deck, child: int, *, fails: bool = False) -> None:
    ((task_id,),) = deck.rows("SELECT id FROM task WHERE job_id = ? ORDER BY id LIMIT 1", child)
    deck.do(
        Complete(task_id=task_id, epoch=epoch(deck, task_id), outcome=failure() if fails else Succeeded())
    )
    deck.settle()


def epoch(deck: Deck, task_id: int) -> int:
    return int(str(deck.value("SELECT epoch FROM task WHERE id = ?", task_id)))


def test_as_many_children_as_the_limit_allows_are_claimed_from_and_the_others_wait_as_pending(deck: Deck):
    configure(deck, KIDS)
    deck.submit(flat(*(above(f"s{n}") for n in range(3)), name="up"))
    first, second, third = begin(deck, "s0", "s1", "s2")
    assert (placed(deck), waiting(deck), taken(deck)) == ([first], [second, third], {"": 1})
    assert [one.job_id for one in deck.claim()] == [first]
    assert [deck.job_status(one) for one in (first, second)] == ["running", "pending"]
    assert deck.history(job=second)[-1] == "job.awaits_place"
    end_child(deck, first)
    assert (placed(deck), waiting(deck), taken(deck)) == ([second], [third], {"": 1})
    assert [one.job_id for one in deck.claim()] == [second]
    end_child(deck, second)
    assert [one.job_id for one in deck.claim()] == [third]
    end_child(deck, third)
    assert (taken(deck), deck.told("job.took_place", without=["set"])) == ({"": 0}, [{"limit": "kids"}] * 3)


def test_each_key_of_a_limit_counts_its_own_children_and_a_key_that_is_worked_out_later_counts(deck: Deck):
    configure(deck, KIDS)
    late = LimitRef(name="kids", key="${{ tasks.s0.output.n }}")
    open_key = task("s3", uses="workflow", waits=True, when="x", limits=(late,))
    deck.submit(flat(above("s0", under="x"), above("s1", under="y"), above("s2", under="x"), open_key))
    first, second, third = begin(deck, "s0", "s1", "s2")
    assert (placed(deck), waiting(deck)) == ([first, second], [third])
    terms = Terms(limits=(LimitRef(name="kids", key="y"),), cost=None)
    deck.do(Decide(task_id=deck.id("s3"), verdict=BeginChild(plan=INNER, terms=terms)))
    fourth = waiting(deck)[-1]
    deck.claim()
    end_child(deck, second)
    assert (placed(deck), waiting(deck), taken(deck)) == ([first, fourth], [third], {"x": 1, "y": 1})


@pytest.mark.parametrize("by", ["raise", "removal"])
def test_a_limit_that_is_raised_or_removed_lets_in_who_waits(deck: Deck, by: str):
    configure(deck, KIDS)
    deck.submit(flat(*(above(f"s{n}") for n in range(4))))
    children = begin(deck, "s0", "s1", "s2", "s3")
    if by == "raise":
        deck.do(ChangeCapacity(change=SetLimit(name="kids", to="+2"), actor="ann"))
        assert (placed(deck), waiting(deck)) == (children[:3], children[3:])
        return
    configure(deck)
    deck.do()
    assert (placed(deck), waiting(deck)) == (children[:1], [])
    assert len(deck.claim()) == 4
    assert deck.told("job.took_place") == [{"limit": "kids", "set": 1}, *[{"set": 0}] * 3]


def test_a_lowered_limit_ends_nothing_and_lets_none_in_until_it_fits(deck: Deck):
    configure(deck, Limit(name="kids", kind=LimitKind.CONCURRENCY, max=2))
    deck.submit(flat(*(above(f"s{n}") for n in range(3))))
    children = begin(deck, "s0", "s1", "s2")
    deck.do(ChangeCapacity(change=SetLimit(name="kids", to="1"), actor="ann"))
    deck.claim()
    end_child(deck, children[0])
    assert (placed(deck), waiting(deck)) == (children[1:2], children[2:])
    end_child(deck, children[1])
    assert placed(deck) == children[2:]


def test_many_that_wait_are_let_in_in_parts_until_all_are(deck: Deck, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(child_places, "AT_ONCE", 2)
    configure(deck, KIDS)
    deck.submit(flat(*(above(f"s{n}") for n in range(6))))
    begin(deck, *(f"s{n}" for n in range(6)))
    deck.do(ChangeCapacity(change=SetLimit(name="kids", to="9"), actor="ann"))
    assert (len(waiting(deck)), deck.report.claims_left) == (3, True)
    deck.do()
    deck.do()
    assert (waiting(deck), deck.report.claims_left) == ([], False)


@pytest.mark.parametrize("which", ["placed", "waiting"])
def test_a_child_that_is_cancelled_gives_back_its_place_or_waits_for_none(deck: Deck, which: str):
    configure(deck, KIDS)
    job = deck.submit(flat(above("s0"), above("s1")))
    first, second = begin(deck, "s0", "s1")
    key = "s0" if which == "placed" else "s1"
    deck.do(Cancel(task_ids=(deck.id(key),), actor="ann"))
    deck.settle()
    left = second if which == "placed" else first
    assert (placed(deck), waiting(deck), taken(deck)) == ([left], [], {"": 1})
    deck.do(Cancel(job_id=job, actor="ann"))
    deck.settle()
    assert (placed(deck), taken(deck)) == ([], {"": 0})
    assert [deck.job_status(one) for one in (job, first, second)] == ["cancelled"] * 3


def test_a_child_that_runs_again_waits_for_a_place_again_and_is_the_same_child(deck: Deck):
    configure(deck, KIDS)
    deck.submit(flat(above("s0", continue_on_error=True), above("s1")))
    first, second = begin(deck, "s0", "s1")
    deck.claim()
    end_child(deck, first, fails=True)
    assert placed(deck) == [second]
    deck.do(Rerun(task_ids=(deck.id("s0"),), actor="ann"))
    assert begin(deck, "s0") == [first]
    assert (waiting(deck), [one.job_id for one in deck.claim()]) == ([first], [second])
    end_child(deck, second)
    assert (placed(deck), [one.job_id for one in deck.claim()]) == ([first], [first])
    end_child(deck, first)
    assert taken(deck) == {"": 0}


def test_nothing_of_a_child_is_judged_before_it_has_its_place(deck: Deck):
    configure(deck, KIDS)
    deck.submit(flat(above("s0"), above("s1")))
    asks = flat(*(task(key, uses="signal", waits=True, when="x") for key in ("ask", "asks")), name="inner")
    first, second = begin(deck, "s0", "s1", plan=asks)
    judged = [deck.id("ask"), deck.id("asks")]
    for (task_id,) in deck.rows("SELECT id FROM task WHERE job_id = ?", first):
        deck.do(Decide(task_id=task_id, verdict=Await(for_ms=5)))
    deck.come_due(deck.now + 100)
    deck.settle()
    assert placed(deck) == [second]
    assert judged == [task_id for report in deck.reports[-3:] for task_id in report.conditions]


def test_a_place_that_is_free_goes_to_who_waited_longest_also_where_another_begins_in_that_batch(deck: Deck):
    configure(deck, KIDS)
    deck.submit(flat(*(above(f"s{n}") for n in range(3))))
    first, second = begin(deck, "s0", "s1")
    deck.do(
        ChangeCapacity(change=SetLimit(name="kids", to="+1"), actor="ann"),
        Decide(task_id=deck.id("s2"), verdict=BeginChild(plan=INNER)),
    )
    assert (placed(deck), len(waiting(deck))) == ([first, second], 1)


def test_a_child_with_many_lanes_is_kept_from_claims_as_well(deck: Deck, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lanes, "MAX_LANES", 1)
    configure(deck, KIDS)
    deck.submit(flat(above("s0"), above("s1")))
    wide = flat(*(task(f"w{n}", queue=f"q{n}") for n in range(3)), name="inner")
    begin(deck, "s0")
    (second,) = begin(deck, "s1", plan=wide)
    assert second not in {one.job_id for one in deck.claim()}


def test_a_child_that_ends_in_parts_waits_for_no_place(deck: Deck, monkeypatch: pytest.MonkeyPatch):
    configure(deck, KIDS)
    deck.submit(flat(above("s0"), above("s1")))
    begin(deck, "s0")
    (second,) = begin(deck, "s1", plan=flat(*(task(f"w{n}") for n in range(5)), name="inner"))
    monkeypatch.setattr(batching, "MAX_PER_BATCH", 1)
    deck.do(Cancel(task_ids=(deck.id("s1"),), actor="ann"))
    assert (deck.job_status(second), waiting(deck), verify(deck.db)) == ("ending", [], ())
    deck.settle()
    assert deck.job_status(second) == "cancelled"


def test_children_and_tasks_share_a_limit_that_both_name(deck: Deck):
    configure(deck, Limit(name="kids", kind=LimitKind.CONCURRENCY, max=2))
    deck.submit(flat(above("s0"), task("own", limits=(LimitRef(name="kids"),)), above("s1")))
    assert deck.claim_keys() == ["own"]
    first, second = begin(deck, "s0", "s1")
    assert (taken(deck), waiting(deck)) == ({"": 2}, [second])
    deck.end("own")
    assert placed(deck) == [first, second]


@pytest.mark.parametrize(
    ("limit", "named", "counts"),
    [
        (replace(KIDS, on={Dimension.CONNECTOR: "workflow"}), "", True),
        (replace(KIDS, on={Dimension.WORKFLOW: "work"}), "", False),
        (replace(KIDS, on={Dimension.QUEUE: "default"}), "", False),
        (replace(KIDS, on={Dimension.QUEUE: "default"}), "kids", True),
        (Limit(name="kids", kind=LimitKind.QUOTA, max=1), "kids", False),
    ],
)
def test_a_limit_counts_children_where_their_task_names_it_or_it_is_for_their_connector(
    deck: Deck, limit: Limit, named: str, counts: bool
):
    configure(deck, limit)
    deck.submit(flat(above("s0", limit=named), above("s1", limit=named)))
    children = begin(deck, "s0", "s1")
    assert waiting(deck) == (children[1:] if counts else [])


def test_no_limit_counts_a_worklet(deck: Deck):
    configure(deck, KIDS)
    repaired = task("x", limits=(LimitRef(name="kids"),), on_failure=OnFailure(workflow="repair", max=2))
    deck.submit(flat(repaired, above("s0")))
    deck.end_all(deck.claim(), failure())
    begin(deck, "s0")
    deck.do(Decide(task_id=deck.id("x"), verdict=BeginWorklet(plan=INNER)))
    ((repair,),) = deck.rows("SELECT id FROM job WHERE is_worklet")
    assert (len(placed(deck)), waiting(deck)) == (1, [])
    deck.claim()
    end_child(deck, repair, fails=True)
    deck.do(Rerun(job_id=repair, actor="ann"))
    assert (deck.job_status(repair), len(placed(deck)), waiting(deck)) == ("running", 1, [])


def test_a_pause_from_above_keeps_a_child_from_claims_also_once_it_has_its_place(deck: Deck):
    configure(deck, KIDS)
    job = deck.submit(flat(above("s0"), above("s1")))
    first, second = begin(deck, "s0", "s1")
    deck.claim()
    deck.do(Pause(job_id=job, actor="ann"))
    end_child(deck, first)
    assert (placed(deck), deck.claim()) == ([second], [])
    deck.do(Resume(job_id=job, actor="ann"))
    assert [one.job_id for one in deck.claim()] == [second]


def test_places_and_who_waits_for_them_outlast_the_engine(deck: Deck):
    configure(deck, KIDS)
    deck.submit(flat(*(above(f"s{n}") for n in range(3))))
    children = begin(deck, "s0", "s1", "s2")
    deck.crash()
    assert (placed(deck), waiting(deck)) == (children[:1], children[1:])
    assert [one.job_id for one in deck.claim()] == children[:1]
    end_child(deck, children[0])
    assert placed(deck) == children[1:2]
