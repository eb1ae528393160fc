"""Tests of the facts of children: pauses above, parents, the jobs below."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.control.wait_answers import WaitAnswers
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.limits import Configure
from core.model.commands.purges import Purge
from core.model.commands.work import FollowUp, Pause, Resume
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.patterns.judgements import BeginChild, Decide
from core.model.plans import JobPlan
from core.model.records import replace
from core.model.waits import EngineFacts
from core.render.job_shapes import detail_shape
from core.store.reports import Reports
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings
from tests.support.refused import Refused


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def serving() -> EngineFacts:
    return EngineFacts(state="serving", slots=1, running=0)


@pytest.fixture
def answers(reports: Reports) -> WaitAnswers:
    return WaitAnswers(reports.waits, serving)


def begin_child(deck: Deck, task_id: int, *, key: str, name: str = "inner") -> int:
    """Let a task wait for a new child with one task; return the child."""
    asks = {"when": "${{ true }}"} if key.startswith("sub") else {}
    plan = JobPlan(name=name, stages=(stage(task(key, **asks)),))
    deck.do(Decide(task_id=task_id, verdict=BeginChild(plan=plan)))
    ((job_id,),) = deck.db.execute("SELECT child_id FROM awaited WHERE task_id = ?", (task_id,)).fetchall()
    return int(job_id)


def number(deck: Deck, key: str) -> int:
    ((found,),) = deck.db.execute("SELECT id FROM task WHERE key = ?", (key,)).fetchall()
    return int(found)


def tree(deck: Deck) -> tuple[int, int, int]:
    """Make a job with the queued task `go`, its child, and the child of that with `leaf`."""
    top = deck.job(stage(task("sub", when="${{ true }}"), task("go")))
    middle = begin_child(deck, number(deck, "sub"), key="sub2", name="middle")
    return top, middle, begin_child(deck, number(deck, "sub2"), key="leaf")


async def test_why_says_each_pause_above_that_holds_a_task_of_a_child_and_what_ends_it(
    deck: Deck, reports: Reports, answers: WaitAnswers
) -> None:
    top, middle, _ = tree(deck)
    leaf = number(deck, "leaf")
    deck.do(Pause(job_id=top, actor="ann", reason="the disk is full"))
    (reason,) = (await answers.task(leaf)).reasons
    assert reason.text == f"its job is paused from above: job {top} is paused by ann: the disk is full"
    assert (reason.code.value, reason.numbers) == ("job_paused", {"job": top})
    assert f"'taskdeck resume {top}'" in reason.ends
    deck.do(Pause(job_id=middle, actor="bob"))
    found = (await answers.task(leaf)).reasons
    assert [one.numbers["job"] for one in found] == [middle, top]
    found_so = parse("wait:job_paused", Noun.TASKS)
    assert leaf in [row.id for row in (await reports.tasks.page(found_so)).rows]
    deck.do(Resume(job_id=top), Resume(job_id=middle))
    assert [one.code.value for one in (await answers.task(leaf)).reasons] == ["slots"]


async def test_a_child_that_has_ended_is_kept_while_the_job_above_all_goes_on(
    deck: Deck, reports: Reports
) -> None:
    top, middle, low = tree(deck)
    leaf, go = number(deck, "leaf"), number(deck, "go")
    claimed = dict(deck.claim())
    deck.end((leaf, claimed[leaf]))
    deck.do()
    statuses = [(await reports.jobs.view(one)).status for one in (top, middle, low)]
    assert statuses == ["running", "succeeded", "succeeded"]
    reason = f"it is a child below job {top}, which has not ended"
    (purged,) = deck.do(Purge(job_ids=(low,), actor="ann"))
    assert (purged.jobs, purged.refused) == (0, (Refused(low, reason),))
    assert await reports.retention.jobs(after=0) == []
    assert await reports.retention.beyond(0) == []
    deck.end((go, claimed[go]))
    deck.do()
    assert {one.id for one in await reports.retention.jobs(after=0)} == {top, middle, low}
    assert {one.id for one in await reports.retention.beyond(0)} == {top, middle, low}
    (purged,) = deck.do(Purge(job_ids=(low, top), actor="ann"))
    assert (purged.jobs, purged.refused) == (2, ())
    assert (await reports.jobs.view(middle)).parent is None
    assert findings(deck.db) == ()


async def test_the_page_of_a_job_has_its_parent_its_children_and_the_pauses_above(
    deck: Deck, reports: Reports
) -> None:
    top, middle, low = tree(deck)
    deck.do(Pause(job_id=top, actor="ann", reason="full"))
    detail = await reports.jobs.detail(top)
    sub = number(deck, "sub")
    (child,) = detail.children
    assert (child.job_id, child.name, child.status, child.task_id, child.key) == (
        middle,
        "middle",
        "running",
        sub,
        "sub",
    )
    assert (detail.job.parent, detail.job.root, detail.job.depth) == (None, None, None)
    below = await reports.jobs.detail(low)
    of = {"job": middle, "task": number(deck, "sub2"), "key": "sub2"}
    assert below.job.parent == {**of, "worklet": False}
    assert (below.job.root, below.job.depth, below.children) == (top, 2, ())
    listed = {view.id: view for view in (await reports.jobs.page()).rows}
    assert [above["job"] for above in listed[low].paused_above] == [top]
    assert (listed[low].told, listed[top].told) == (f"paused from above: job {top}", None)
    shape = detail_shape(below)
    assert shape["job"]["parent"]["key"] == "sub2"  # type: ignore[index, call-overload]
    assert detail_shape(detail)["children"] == [
        {
            "job": middle,
            "name": "middle",
            "status": "running",
            "task": sub,
            "key": "sub",
            "superseded": False,
            "worklet": False,
        }
    ]


async def test_tasks_of_a_child_that_waits_for_its_place_are_not_judged(deck: Deck, reports: Reports) -> None:
    limit = Limit(name="kids", kind=LimitKind.CONCURRENCY, max=1)
    deck.do(Configure(limits=(limit,)))
    deck.do(FollowUp())
    named = {"limits": (LimitRef(name="kids"),), "when": "x"}
    deck.job(stage(*(replace(task(key, **named), uses="workflow") for key in ("up", "up2"))))
    has = begin_child(deck, number(deck, "up"), key="sub")
    waits = begin_child(deck, number(deck, "up2"), key="sub2")
    to_judge = await reports.conditions.to_judge()
    assert [task.job_id for task in await reports.conditions.some(to_judge)] == [has]
    both = [number(deck, key) for key in ("sub", "sub2")]
    assert [task.job_id for task in await reports.conditions.some(both)] == [has]
    view = {one.id: one for one in (await reports.jobs.page()).rows}
    assert view[has].place == {"waits": False, "limits": ["kids"]}
    assert view[waits].place == {"waits": True, "limits": ["kids"]}
    (told,) = (await reports.waits.of_tasks([number(deck, "up2")])).tasks.values()
    assert told.awaits is not None
    assert told.awaits.child_awaits == "kids"
