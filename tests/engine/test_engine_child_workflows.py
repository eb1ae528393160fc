"""Children: jobs that tasks wait for, from the document to the outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.control.api import Target
from core.control.nouns.workflows import AddWorkflow
from core.model.commands.work import Force, SubmitOptions
from core.model.errors import InvalidDocument
from core.model.limits.limits import Capacity, Limit, LimitKind
from tests.support.house import House, task


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return an open house whose engine knows children."""
    empty_house.registry = lambda: Registry([ChildWorkflow(), empty_house.steer])
    await empty_house.open()
    return empty_house


CHILD = """
name: inner
params: {n: {type: integer}}
outputs: {twice: "${{ params.n * 2 }}", end: "${{ tasks.a.status }}"}
tasks: [{key: a, uses: steer, with: {do: succeed}}]
"""
FAILS = """
name: inner
tasks: [{key: a, uses: steer, with: {do: fail, times: 1}}]
"""


def waits_for(path: Path, **more: object) -> dict[str, object]:
    return {"key": "sub", "uses": "workflow", "with": {"file": str(path), **more}}


async def test_a_task_waits_for_a_child_and_gives_out_what_that_gives_out(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text(CHILD)
    after = task("b", "succeed", "sub", when="${{ tasks.sub.output.twice == 14 }}")
    job = await house.submit(waits_for(file, params={"n": 7}), after)
    assert (await house.ended(job)).status == "succeeded"
    ((output,),) = house.rows("SELECT output FROM task WHERE key = 'sub'")
    assert json.loads(output) == {"twice": 14, "end": "succeeded"}
    assert house.states(job)["b"] == "succeeded"
    link = house.rows("SELECT depth, root_id, parent_task FROM job WHERE name = 'inner'")
    assert link == [(1, job, house.task_id(job, "sub"))]


async def test_the_retries_of_a_submission_are_made_in_the_children_and_not_once_more_above(
    house: House, tmp_path: Path
):
    (tmp_path / "last.yaml").write_text(
        "name: last\non_task_failure: finish\ntasks:\n"
        " - {key: own, uses: steer, with: {do: fail}, retry: {max_attempts: 2, base: 1ms}}\n"
        " - {key: plain, uses: steer, with: {do: fail}}\n"
    )
    (tmp_path / "middle.yaml").write_text(
        "name: middle\ntasks: [{key: sub, uses: workflow, with: {file: last.yaml}}]\n"
    )
    document = {"name": "top", "tasks": [waits_for(tmp_path / "middle.yaml")]}
    job = (await house.control.submit(document, options=SubmitOptions(retry=3))).job_id
    for _ in range(20):
        await house.settle()
        house.clock.advance(seconds=120)
    assert (await house.ended(job)).status == "failed"
    failed = "SELECT key, count(*) FROM task JOIN attempt ON task_id = task.id AND attempt.status = 'failed'"
    tries = dict(house.rows(f"{failed} WHERE uses = 'steer' GROUP BY key"))
    assert tries == {"own": 2, "plain": 4}
    assert house.rows("SELECT count(*) FROM job WHERE name IN ('middle', 'last')") == [(2,)]
    assert house.rows("SELECT DISTINCT max_attempts FROM task WHERE key = 'sub'") == [(1,)]


async def test_variables_of_the_submission_reach_children_and_those_of_the_document_above_do_not(
    house: House, tmp_path: Path
):
    (tmp_path / "last.yaml").write_text(
        "name: last\nenv: {A: its, B: its, C: its}\n"
        "outputs: {told: '${{ tasks.a.status }}'}\n"
        "tasks:\n"
        "  - key: a\n    uses: steer\n    with: {do: succeed}\n"
        "    when: \"env.A == 'given' && env.B == 'its' && env.C == 'its'\"\n"
    )
    between = {"name": "between", "env": {"C": "between"}, "tasks": [waits_for(tmp_path / "last.yaml")]}
    (tmp_path / "between.yaml").write_text(json.dumps(between))
    document = {"name": "w", "env": {"B": "above"}, "tasks": [waits_for(tmp_path / "between.yaml")]}
    options = SubmitOptions(env={"A": "given"})
    job = (await house.control.submit(document, options=options)).job_id
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT t.status FROM task t JOIN job j ON j.id = t.job_id WHERE j.name = 'last'") == [
        ("succeeded",)
    ]


async def test_a_child_is_as_its_file_was_when_the_job_was_submitted(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text(CHILD)
    job = await house.submit(task("first", "block"), {**waits_for(file, params={"n": 1}), "needs": ["first"]})
    await house.running("first")
    file.unlink()
    house.steer.release("first")
    assert (await house.ended(job)).status == "succeeded"


async def test_a_failure_travels_up_and_a_retry_runs_what_failed_in_the_same_child(
    house: House, tmp_path: Path
):
    file = tmp_path / "inner.yaml"
    file.write_text(FAILS)
    job = await house.submit(waits_for(file))
    assert (await house.ended(job)).status == "failed"
    ((error,),) = house.rows("SELECT error FROM task WHERE key = 'sub'")
    told = json.loads(error)
    assert (told["code"], told["facts"]["task"]) == ("workflow.failed", "a")
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT count(*) FROM job WHERE name = 'inner'") == [(1,)]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"file": "gone.yaml"}, "gone.yaml cannot be read"),
        ({"name": "nothing"}, "nothing cannot be read"),
        ({"file": "self.yaml"}, "workflows begin each other in a circle: self -> self"),
        ({"file": "inner.yaml"}, "inner.yaml needs the parameter `n`"),
        ({"file": "inner.yaml", "params": {"n": 1, "m": 2}}, "`m` is not a parameter"),
    ],
)
async def test_a_child_that_cannot_be_is_named_when_the_job_is_submitted(
    house: House, tmp_path: Path, said: dict[str, object], message: str
):
    (tmp_path / "inner.yaml").write_text(CHILD)
    own = json.dumps(
        {"name": "self", "tasks": [{"key": "a", "uses": "workflow", "with": {"file": "self.yaml"}}]}
    )
    (tmp_path / "self.yaml").write_text(own)
    whole = {**said, **({"file": str(tmp_path / str(said["file"]))} if "file" in said else {})}
    with pytest.raises(InvalidDocument) as caught:
        await house.submit({"key": "sub", "uses": "workflow", "with": whole})
    assert any(message in fault.message for fault in caught.value.faults), caught.value.faults


async def test_children_nine_deep_are_refused_and_eight_deep_end(house: House, tmp_path: Path):
    (tmp_path / "d0.yaml").write_text(json.dumps({"name": "d0", "tasks": [task("a")]}))
    for depth in range(1, 9):
        below = {"key": "a", "uses": "workflow", "with": {"file": f"d{depth - 1}.yaml"}}
        (tmp_path / f"d{depth}.yaml").write_text(json.dumps({"name": f"d{depth}", "tasks": [below]}))
    job = await house.submit(waits_for(tmp_path / "d7.yaml"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT max(depth) FROM job") == [(8,)]
    with pytest.raises(InvalidDocument):
        await house.submit(waits_for(tmp_path / "d8.yaml"))


async def test_a_cancel_goes_down_and_the_job_above_ends_with_its_child(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text("name: inner\ntasks: [{key: a, uses: steer, with: {do: block}}]\n")
    job = await house.submit(waits_for(file))
    await house.running("a")
    await house.control.cancel(Target(job_id=job))
    assert (await house.ended(job)).status == "cancelled"
    assert house.rows("SELECT status FROM job WHERE name = 'inner'") == [("cancelled",)]


ONE_BREAKS = """
name: inner
params: {n: {type: integer}}
tasks:
  - {key: breaks, uses: steer, when: "params.n == 0", with: {do: block, then: fail}}
  - {key: stays, uses: steer, when: "params.n == 1", with: {do: block}}
"""


async def test_a_group_that_fails_stops_the_children_of_its_other_instances(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text(ONE_BREAKS)
    job = await house.submit({**waits_for(file, params={"n": "${{ item }}"}), "for_each": [0, 1]})
    await house.running("breaks", "stays")
    house.steer.release("breaks")
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"sub": "failed", "sub[0]": "failed", "sub[1]": "cancelled"}
    ended = house.rows("SELECT status FROM job WHERE name = 'inner' ORDER BY status")
    assert ended == [("cancelled",), ("failed",)]
    assert house.open_attempts() == 0


async def test_a_retry_of_the_job_runs_the_child_of_its_finally_again(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text("name: inner\ntasks: [{key: clean, uses: steer, with: {do: succeed}}]\n")
    job = await house.submit(task("a", "fail"), **{"finally": [waits_for(file)]})
    assert (await house.ended(job)).status == "failed"
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "failed"
    assert house.steer.started.count("clean") == 2


CLEARS_UP = """
name: inner
tasks: [{key: a, uses: steer, with: {do: fail}}]
finally: [{key: clear, uses: steer, with: {do: block}}]
"""


async def test_a_child_that_failed_clears_up_to_the_end_when_the_job_above_fails(
    house: House, tmp_path: Path
):
    file = tmp_path / "inner.yaml"
    file.write_text(CLEARS_UP)
    job = await house.submit(waits_for(file), task("b", "block", steer={"then": "fail"}))
    await house.running("clear", "b")
    house.steer.release("b")
    await house.reach(job, "b", "failed")
    await house.settle()
    house.steer.release("clear")
    assert (await house.ended(job)).status == "failed"
    rows = house.rows("SELECT key, status FROM task WHERE key IN ('sub', 'clear') ORDER BY key")
    assert rows == [("clear", "succeeded"), ("sub", "cancelled")]


async def test_a_kill_from_above_cuts_what_a_child_clears_up(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text(CLEARS_UP)
    job = await house.submit(waits_for(file), task("b", "block"))
    await house.running("clear", "b")
    await house.control.cancel(Target(job_id=job), force=Force.KILL)
    assert (await house.ended(job)).status == "cancelled"
    assert house.rows("SELECT status FROM task WHERE key = 'clear'") == [("cancelled",)]


async def test_a_resume_of_the_job_above_leaves_a_child_paused_that_was_paused_itself(
    house: House, tmp_path: Path
):
    file = tmp_path / "inner.yaml"
    file.write_text("name: inner\ntasks: [{key: a, uses: steer, with: {do: block}}]\n")
    job = await house.submit(waits_for(file))
    await house.running("a")
    ((child,),) = house.rows("SELECT id FROM job WHERE name = 'inner'")
    marks = "SELECT status, paused_above FROM job WHERE name = 'inner'"
    await house.control.pause(Target(job_id=job))
    assert house.rows(marks) == [("running", 1)]
    await house.control.pause(Target(job_id=child))
    await house.control.resume(Target(job_id=job))
    assert house.rows(marks) == [("paused", 0)]
    await house.control.resume(Target(job_id=child))
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"


async def test_a_registered_name_is_pinned_at_submit_and_its_own_names_are_read_too(house: House):
    inner = "name: inner\noutputs: {v: %d}\ntasks: [{key: a, uses: steer, with: {do: succeed}}]\n"
    outer = (
        "name: outer\noutputs: {v: '${{ tasks.b.output.v }}'}\n"
        "tasks: [{key: b, uses: workflow, with: {name: inner}}]\n"
    )
    for text in (inner % 1, outer):
        await house.control.workflows.add(AddWorkflow(text=text, source="w.yaml"))
    waits = {"key": "sub", "uses": "workflow", "with": {"name": "outer"}, "needs": ["first"]}
    job = await house.submit(task("first", "block"), waits)
    await house.running("first")
    await house.control.workflows.add(AddWorkflow(text=inner % 2, source="w.yaml"))
    await house.control.workflows.remove("outer")
    house.steer.release("first")
    assert (await house.ended(job)).status == "succeeded"
    assert json.loads(house.rows("SELECT output FROM task WHERE key = 'sub'")[0][0]) == {"v": 1}
    with pytest.raises(InvalidDocument) as caught:
        await house.submit({"key": "sub", "uses": "workflow", "with": {"name": "outer"}})
    assert "no workflow is registered as outer" in caught.value.faults[0].message


async def test_registered_workflows_that_begin_each_other_are_refused(house: House):
    for name, other in (("one", "two"), ("two", "one")):
        text = f"name: {name}\ntasks: [{{key: a, uses: workflow, with: {{name: {other}}}}}]\n"
        await house.control.workflows.add(AddWorkflow(text=text, source="w.yaml"))
    with pytest.raises(InvalidDocument) as caught:
        await house.submit({"key": "sub", "uses": "workflow", "with": {"name": "one"}})
    assert "in a circle: one -> two -> one" in caught.value.faults[0].message


async def test_a_limit_lets_one_child_at_a_time_go_on_and_tells_who_waits(house: House, tmp_path: Path):
    await house.stop()
    house.capacity = Capacity(limits=(Limit(name="kids", kind=LimitKind.CONCURRENCY, max=1),))
    await house.open()
    file = tmp_path / "inner.yaml"
    inner = "name: inner\nparams: {n: {type: integer}}\ntasks: [{key: a, uses: steer, with: {do: block}}]\n"
    file.write_text(inner)
    keyed = [{"limit": "kids", "key": "${{ tasks.first.output.n }}"}]
    late = {**waits_for(file, params={"n": 3}), "key": "late", "needs": ["first"], "limits": keyed}
    two = {**waits_for(file, params={"n": 2}), "key": "two", "limits": ["kids"]}
    one = {**waits_for(file, params={"n": 1}), "limits": ["kids"]}
    job = await house.submit(one, two, task("first", steer={"output": {"n": "k"}}), late)
    placed = "SELECT 1 FROM job WHERE place_set > 0"
    await house.until(lambda: len(house.rows(placed)) == 2, "a child of each key has its place")
    await house.settle()
    (waits,) = house.rows("SELECT id, parent_task FROM job WHERE place_gauge IS NOT NULL")
    detail = await house.control.job_detail(waits[0])
    assert (detail.job.status, detail.job.told) == ("pending", "waits for a place under limit kids")
    (group,) = (await house.control.why_job(waits[0])).groups
    assert (group.reason.code.value, group.reason.short) == ("place", "place kids")
    (above,) = (await house.control.why(waits[1])).reasons
    assert above.text.endswith("(pending), which waits for a place under limit kids")
    (limit,) = (await house.control.limits.capacity()).limits
    (shared,) = [found for found in limit.gauges if found.key == ""]
    held = "SELECT t.key, j.id FROM job j JOIN task t ON t.id = j.parent_task WHERE j.place_set > 0"
    ((key, has),) = [row for row in house.rows(held) if row[0] != "late"]
    plain = await house.submit({**task("plain"), "limits": ["kids"]})
    await house.settle()
    (behind,) = (await house.control.why(house.task_id(plain, "plain"))).reasons
    holder = {"task": house.task_id(job, key), "job": job, "child": has}
    assert behind.text.startswith(f"limit kids allows 1 at once and 1 is taken: {key} (child job {has}")
    (placeless,) = (await house.control.why(house.task_id(waits[0], "a"))).reasons
    assert behind.numbers["holders"] == placeless.numbers["holders"] == [holder]
    assert (shared.tasks, [one.label for one in shared.holders]) == (1, [f"{key} (child job {has})"])
    assert house.states(job)["late"] == "waiting"
