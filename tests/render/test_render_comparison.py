"""Two jobs compared, as lines."""

from __future__ import annotations

from random import Random

import pytest

from core.model.comparisons import Change, JobComparison, TaskChange, TaskRun, ValueChange
from core.model.text import safe_line
from core.model.values import json_line
from core.model.views import JobView
from core.render.comparison import comparison_lines, comparison_shape
from tests.support.hostile import hostile
from tests.support.seeds import seeds

HOSTILE = hostile()


def job(number: int, name: str = "nightly", **more: object) -> JobView:
    known = {"status": "succeeded", "on_task_failure": "stop", "reason": None, "tasks": {}, "created_at": 0}
    return JobView(id=number, name=name, **{**known, "started_at": 0, "finished_at": 9_000, **more})  # type: ignore[arg-type]


def run(status: str, **more: object) -> TaskRun:
    return TaskRun(**{"task_id": 1, "key": "a", "status": status, "attempts": 1, "took": 1_000, **more})  # type: ignore[arg-type]


def comparison(*tasks: TaskChange, **more: object) -> JobComparison:
    known: dict[str, object] = {"before": job(2), "after": job(3), "params": (), "definition": ()}
    counts = {"added": 0, "removed": 0, "changed": len(tasks), "same": 1}
    known |= {"definition_cut": False, "tasks": tasks, "counts": counts, "costs": ({}, {})}
    return JobComparison(**{**known, **more})  # type: ignore[arg-type]


def texts(view: JobComparison) -> list[str]:
    return [text for text, _ in comparison_lines(view)]


def test_what_is_the_same_is_said_in_few_lines() -> None:
    assert texts(comparison()) == [
        "job 2 nightly (succeeded, 9s)  ->  job 3 nightly (succeeded, 9s)",
        "params      the same",
        "definition  the same",
        "tasks       1 same",
    ]


def test_each_difference_of_a_task_is_told_with_before_and_after() -> None:
    before = run(
        "failed", attempts=3, error={"code": "shell.exit", "message": "exit 3"}, cost={"usd": 10_000}
    )
    after = run("succeeded", took=90_000, tolerated=True)
    change = TaskChange(
        key="a",
        change=Change.CHANGED,
        before=before,
        after=after,
        took_differs=True,
        output_differs=True,
        outputs=(
            ValueChange(name="rows", before=1, after=2),
            ValueChange(name="x", after=1, was_there=False),
        ),
    )
    lines = texts(comparison(change))
    assert lines[-3:] == [
        (
            "~ a: failed -> succeeded, tolerated, attempts 3 -> 1, took 1s -> 1m30s,"
            " cost 0.01 usd -> nothing, exit 3 -> no error"
        ),
        "    output rows 1 -> 2",
        "    output x added: 1",
    ]


def test_what_is_left_out_is_said() -> None:
    change = TaskChange(key="a", change=Change.ADDED, before=None, after=run("queued"))
    view = comparison(
        change,
        counts={"added": 7, "removed": 0, "changed": 0, "same": 0},
        definition_cut=True,
        searched=10_000,
        after=job(3, "other"),
    )
    lines = texts(view)
    assert "definition  differs, too long to be shown line by line" in lines
    assert "... and 6 more tasks that differ" in lines
    assert "of each job its first 10,000 tasks were compared" in lines
    assert any("different workflows" in line for line in lines)


@pytest.mark.parametrize("seed", seeds(2, soak=100))
def test_no_text_of_two_jobs_drives_a_terminal(seed: int) -> None:
    draw = Random(seed)
    one = draw.choice
    change = TaskChange(
        key=one(HOSTILE),
        change=Change.CHANGED,
        before=run(one(HOSTILE), error={"code": one(HOSTILE), "message": one(HOSTILE)}),
        after=run(one(HOSTILE), cost={one(HOSTILE): 10**30}),
        outputs=(ValueChange(name=one(HOSTILE), before={one(HOSTILE): one(HOSTILE)}, after=None),),
    )
    view = comparison(
        change,
        before=job(2, one(HOSTILE)),
        params=(ValueChange(name=one(HOSTILE), before=one(HOSTILE), after=[one(HOSTILE)]),),
        definition=(f"+{one(HOSTILE)}", one(HOSTILE)),
        costs=({one(HOSTILE): 1}, {}),
    )
    for line in texts(view):
        assert line == safe_line(line)
    assert json_line(comparison_shape(view)).isascii()
