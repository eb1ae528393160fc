"""Groups in an engine: items worked out, instances run, outputs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import core
from core.control.api import Target
from core.model.values import JsonObject
from core.store.verify import verify_path
from tests.support.aftermath import rows
from tests.support.waiting import until, within


def delay(key: str, **more: Any) -> JsonObject:
    return {"key": key, "uses": "delay", "with": {"seconds": 0}, **more}


async def ended(
    home: Path, *tasks: JsonObject, params: JsonObject | None = None, **more: Any
) -> tuple[str, list[tuple]]:
    """Run a job of tasks; return its status, and key, status and error of each task."""
    declared = {name: {"type": "integer"} for name in params or {}}
    document: JsonObject = {"name": "w", "params": declared, "tasks": [*tasks], **more}
    async with core.open_engine(home=home) as deck:
        job = await deck.submit(document, params=params or {})
        done = await within(deck.wait_job(job.id), "the job ends")
    assert verify_path(home / "taskdeck.db") == ()
    found = rows(
        home, "SELECT key, status, error->>'$.message' FROM task WHERE job_id = ? ORDER BY id", job.id
    )
    return done.status, found


async def test_the_number_of_instances_comes_from_a_parameter(tmp_path: Path) -> None:
    status, found = await ended(tmp_path / "h", delay("g", for_each="${{ params.n }}"), params={"n": 3})
    assert status == "succeeded"
    assert [key for key, _, _ in found] == ["g", "g[0]", "g[1]", "g[2]"]


async def test_instances_see_their_item_and_are_judged_by_it(tmp_path: Path) -> None:
    task = delay("g", matrix={"a": [1, 2], "b": ["x"]}, when="${{ matrix.a == 2 && index == 1 }}")
    status, found = await ended(tmp_path / "h", task)
    assert (status, [one[1] for one in found]) == ("succeeded", ["succeeded", "skipped", "succeeded"])


async def test_what_instances_made_decides_on_other_tasks(tmp_path: Path) -> None:
    last = delay("z", needs=["g"], when="${{ size(tasks.g.outputs) == 2 && tasks.g.gaps == [] }}")
    status, found = await ended(tmp_path / "h", delay("g", for_each=["a", "b"]), last)
    assert (status, found[1][:2]) == ("succeeded", ("z", "succeeded"))


async def test_an_instance_reads_the_one_of_its_index_though_the_others_have_not_ended(
    tmp_path: Path,
) -> None:
    over: JsonObject = {"for_each": ["x", "y"]}
    come, says = str(tmp_path / "come"), "${{ tasks.a.output.text }} ${{ tasks.a.status }}"
    waits = 'test "$1" = x || until test -e "$2"; do sleep 0.02; done; echo "$1"'
    first = {"key": "a", "uses": "shell", **over}
    first["with"] = {"argv": ["sh", "-c", waits, "sh", "${{ item }}", come]}
    second = {"key": "b", "uses": "shell", "needs": [{"each": "a"}], **over}
    # It lets the second instance of `a` end, after the first of `b` has begun.
    second["with"] = {"argv": ["sh", "-c", 'touch "$1"; echo "$2"', "sh", come, says]}
    second["when"] = "tasks.a.output.text != 'y'"
    last = delay("z", needs=["b"], when="tasks.b.outputs[0].text == 'x succeeded'")
    status, found = await ended(tmp_path / "h", first, second, last)
    assert (status, found[2]) == ("succeeded", ("z", "succeeded", None))
    assert [one[1] for one in found if one[0].startswith("b[")] == ["succeeded", "skipped"]


async def test_a_group_that_failed_says_how_many_of_it_ended_so(tmp_path: Path) -> None:
    bad = {"key": "g", "uses": "shell", "with": {"argv": ["test", "${{ item }}", "=", "a"]}}
    group = {**bad, "for_each": ["a", "b", "a"], "on_instance_failure": "finish"}
    needs = [{"task": "g", "when": "done"}]
    good, none = (
        "tasks.g.output.succeeded == 2",
        "tasks.g.output.skipped == 0 && tasks.g.output.failed == 1",
    )
    _, found = await ended(
        tmp_path / "h",
        group,
        delay("y", needs=needs, when=good),
        delay("z", needs=needs, when=none),
        on_task_failure="continue",
    )
    assert [one[:2] for one in found[1:3]] == [("y", "succeeded"), ("z", "succeeded")]


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ("${{ params.n * 100000 }}", "200,000 instances"),
        ("${{ params.n == 2 }}", "neither items nor how many"),
    ],
)
async def test_a_group_whose_items_make_no_sense_fails_and_says_why(
    tmp_path: Path, over: str, words: str
) -> None:
    status, found = await ended(tmp_path / "h", delay("g", for_each=over), params={"n": 2})
    assert (status, len(found)) == ("failed", 1)
    assert words in found[0][2]


def _runs(home: Path) -> bool:
    return bool(rows(home, "SELECT 1 FROM task WHERE key = 'g[0]' AND status = 'running'"))


async def test_an_instance_is_named_by_its_key_and_says_why_it_waits(tmp_path: Path) -> None:
    home = tmp_path / "h"
    task: JsonObject = {
        "key": "g",
        "uses": "delay",
        "with": {"seconds": 600},
        "for_each": 3,
        "max_parallel": 1,
    }
    async with core.open_engine(home=home) as deck:
        job = await deck.submit({"name": "w", "tasks": [task]})
        await until(lambda: _runs(home), "the first instance runs")
        last = await deck.control.find_task(f"{job.id}/g[2]")
        waits = await deck.control.why(last)
        assert waits.reasons[0].short == "its turn in the group"
        group = await deck.control.why(await deck.control.find_task(f"{job.id}/g"))
        assert "it waits for 3 of its 3 instances: 2 blocked, 1 running" in group.summary
        await deck.control.cancel(Target(job_id=job.id), reason="enough", actor="ann")
        done = await within(deck.wait_job(job.id), "the job ends")
    assert done.status == "cancelled"
