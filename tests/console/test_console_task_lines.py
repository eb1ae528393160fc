"""Tests of a task in full, as lines without an app."""

from __future__ import annotations

from console.rows.task_lines import TaskPage, task_lines
from console.themes import own_looks
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef
from core.model.limits.once import Once
from core.model.records import replace
from tests.console.support_fake_control import FakeControl

LOOK = own_looks()["dark"]


def test_a_task_tells_its_limits_cost_and_key_and_nothing_where_it_says_none() -> None:
    control = FakeControl()
    plain = control.task_detail(control.add_task(control.add_job()))
    said = replace(
        plain,
        limits=(LimitRef(name="db"), LimitRef(name="host", key="h\x1b1")),
        cost=Estimate(amounts={"usd": 20_000}),
        on_exhausted="finish",
        once=Once(key="page-7", for_="1h"),
    )
    lines = [str(line) for line in task_lines(TaskPage(detail=said, waits=None, events=()), LOOK)]
    bare = [str(line) for line in task_lines(TaskPage(detail=plain, waits=None, events=()), LOOK)]
    assert [line for line in lines if line not in bare] == [
        "limits      db, host=h␛1",
        "cost        0.02 usd",
        "if spent    finish",
        "once        page-7 for 1h",
    ]
