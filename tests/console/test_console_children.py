"""Tests of children in the console: heading, jumps."""

from __future__ import annotations

from console.rows.job_heading import heading
from console.shell.jumps import neighbours
from console.themes import own_looks
from core.model.records import replace
from core.model.views import ChildView
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl


def family(control: FakeControl) -> tuple[int, int]:
    """Add a job with a task `sub`, and its child; return both."""
    job = control.add_job("outer")
    sub, other = control.add_task(job, "sub", status="waiting"), control.add_task(job, "other")
    child = control.add_job("inner", parent={"job": job, "task": sub, "key": "sub"}, root=job, depth=1)
    control.add_task(child, "leaf")
    control.children[job] = (
        ChildView(job_id=child, name="inner", status="running", task_id=sub, key="sub"),
        ChildView(job_id=99, name="another", status="running", task_id=other, key="other"),
    )
    return job, child


async def test_a_jump_leads_from_a_task_to_its_child_and_from_the_child_to_its_parent() -> None:
    control = FakeControl()
    job, child = family(control)
    async with console(control) as operator:
        await operator.press("2", "j", "enter")
        await operator.sees("stage 1 main", "sub")
        await operator.press("j", "J")
        await operator.sees("Jump to", f"child job {child}")
        await operator.press(*"child", "enter")
        await operator.sees(f"Job {child}", f"child of job {job}", "leaf")
        await operator.press("J")
        await operator.sees(f"parent job {job}", "parent sub")
        await operator.press(*"parent", "enter")
        await operator.sees(f"Job {job}  outer", "other")


async def test_of_a_task_its_own_children_are_offered_and_of_a_job_all() -> None:
    control = FakeControl()
    job, child = family(control)
    of_task = await neighbours(control, job, 1)
    assert [one.job_id for one in of_task.children] == [child]
    assert [one.job_id for one in (await neighbours(control, job, None)).children] == [child, 99]


async def test_a_jump_leads_from_a_failed_task_to_its_worklet() -> None:
    control = FakeControl()
    job = control.add_job("outer")
    bad = control.add_task(job, "bad", status="waiting")
    parent = {"job": job, "task": bad, "key": "bad", "worklet": True}
    worklet = control.add_job("repair", parent=parent, root=job, depth=1)
    control.add_task(worklet, "fix")
    control.children[job] = (
        ChildView(job_id=worklet, name="repair", status="running", task_id=bad, key="bad", is_worklet=True),
    )
    async with console(control) as operator:
        await operator.press("2", "j", "enter")
        await operator.sees("stage 1 main", "bad")
        await operator.press("j", "J")
        await operator.sees("Jump to", f"worklet job {worklet}")
        await operator.press(*"worklet", "enter")
        await operator.sees(f"Job {worklet}", f"worklet of job {job}", "fix")


def test_the_heading_of_a_child_says_whose_it_is_and_which_pause_above_holds_it() -> None:
    control = FakeControl()
    job, child = family(control)
    view = replace(control.job_view(child), paused_above=({"job": job},))
    text = heading(view, own_looks()["dark"], width=120)
    assert f"inner  child of job {job}  paused from above: job {job}  " in text
