"""Tests of kill by keys: plan, review, and second check."""

from __future__ import annotations

import pytest

from console.dialogs.bulk import PlanDialog
from console.screens.base import DeskScreen
from console.verbs.selection import Selection
from core.control.api import Target
from core.model.commands.work import Operated
from core.model.errors import Unavailable
from core.model.refusals import refuse_task
from tests.console.support_console import HOSTILE, console, strips_of
from tests.console.support_fake_control import FakeControl
from tests.console.test_console_operations import Desk, marked, matching


def busy(*statuses: str) -> FakeControl:
    """Return a control with a job (2) of one task in each status, ids from 1; attempts as their ids."""
    control = FakeControl()
    job = control.add_job("nightly")
    for index, status in enumerate(statuses):
        control.add_task(job, f"t{index}", status=status, attempts=index + 1)
    return control


async def test_the_plan_names_what_runs_and_counts_what_is_left_alone() -> None:
    control = busy("running", "queued", "running", "queued", "succeeded")
    desk = Desk(control)
    await desk.operations.kill(marked(1, 2, 3, 4, 5))
    assert desk.plans[0].title == "kill 2 running tasks"
    assert desk.plans[0].lines == (
        "states    running 2  queued 2  succeeded 1",
        "task 1: t0 of job 2, attempt 1",
        "task 3: t2 of job 2, attempt 3",
        "left alone, not running: queued 2  succeeded 1   (task 2 4 5)",
    )
    assert control.asked == [("kill", (1, 3))]
    assert control.reasons == ["they hang"]
    assert desk.told == ["kill 2 running tasks: 2 changed"]
    assert (desk.questions, desk.counted) == ([], [])


async def test_of_a_job_only_what_runs_is_killed() -> None:
    control = busy("running", "blocked")
    control.add_task(control.add_job("other"), "x", status="running")
    desk = Desk(control)
    await desk.operations.kill(Selection(target=Target(job_id=2), label="job 2 (nightly)"))
    assert control.asked == [("kill", (1,))]
    assert {task.id: task.status for task in control.task_rows.values()} == {
        1: "cancelled",
        2: "blocked",
        3: "running",
    }


async def test_several_jobs_are_one_plan() -> None:
    control = busy("running")
    control.add_task(control.add_job("other"), "x", status="running")
    desk = Desk(control)
    jobs = Selection(target=Target(job_id=2), more=(Target(job_id=3),), label="2 marked")
    await desk.operations.kill(jobs)
    assert len(desk.plans) == 1
    assert control.asked == [("kill", (1, 2))]


async def test_a_predicate_is_planned_as_what_it_finds_that_runs_without_what_was_unmarked() -> None:
    control = busy("running", "running", "queued", "running")
    desk = Desk(control)
    await desk.operations.kill(matching("job:2", excluding=(2,)))
    assert control.asked == [("kill", (1, 4))]
    assert desk.plans[0].lines[0] == "states    running 2  queued 1"


async def test_each_task_is_looked_at_again_when_the_plan_is_applied() -> None:
    control = busy("running", "running", "running", "running")
    desk = Desk(control)

    def meanwhile() -> None:
        control.set_task(1, status="succeeded")
        control.set_task(2, status="running", attempts=9)
        control.set_task(3, status="retrying")

    desk.meanwhile = meanwhile
    await desk.operations.kill(marked(1, 2, 3, 4))
    assert control.asked == [("kill", (4,))]
    assert desk.reports[0].can_retry
    assert desk.reports[0].lines == (
        "task 1: it has stopped running: left alone (nothing is left to kill)",
        "task 2: it is another attempt than the plan: left alone (plan it once more, as it is now)",
        "task 3: it has stopped running: left alone (nothing is left to kill)",
    )


async def test_what_the_engine_refuses_is_listed_and_only_that_is_planned_again() -> None:
    control = busy("running", "running")
    desk = Desk(control)
    desk.again = [True]
    whole = control.kill

    async def once(target, *, reason="", actor=""):
        control.kill = whole
        done = await whole(Target(task_ids=(1,)), reason=reason, actor=actor)
        return Operated(
            changed=done.changed,
            refused=(refuse_task(2, "orphan.unended", "it could not be reached", hint="try again"),),
        )

    control.kill = once
    await desk.operations.kill(marked(1, 2))
    assert desk.reports[0].lines == ("task 2: it could not be reached (try again)",)
    assert [plan.title for plan in desk.plans] == ["kill 2 running tasks", "kill 1 running task"]
    assert desk.plans[1].reason == "they hang"
    assert desk.plans[1].lines == ("states    running 1", "task 2: t1 of job 2, attempt 2")
    assert control.asked == [("kill", (1,)), ("kill", (2,))]


async def test_where_nothing_runs_there_is_no_plan() -> None:
    control = busy("queued", "succeeded")
    desk = Desk(control)
    await desk.operations.kill(marked(1, 2))
    assert (desk.plans, control.asked) == ([], [])
    assert desk.told == ["none of its tasks is running"]


async def test_a_plan_that_is_left_kills_nothing() -> None:
    control = busy("running")
    desk = Desk(control)
    desk.reason = None
    await desk.operations.kill(marked(1))
    assert control.asked == []


async def test_an_engine_that_goes_before_the_second_look_is_told_of() -> None:
    control = busy("running")
    desk = Desk(control)

    def meanwhile() -> None:
        control.broken = Unavailable("engine.lost", "the engine went")

    desk.meanwhile = meanwhile
    await desk.operations.kill(marked(1))
    assert control.asked == []
    assert desk.told == ["kill task 1: the engine went"]


async def test_repeat_plans_a_kill_anew() -> None:
    control = busy("running", "running")
    desk = Desk(control)
    await desk.operations.kill(marked(1))
    await desk.operations.repeat(marked(2))
    assert len(desk.plans) == 2
    assert control.asked == [("kill", (1,)), ("kill", (2,))]


PLACES = {"jobs": ("2",), "tasks": ("3",), "job": ("2", "enter"), "task": ("3", "enter")}


@pytest.mark.parametrize("place", PLACES)
async def test_by_keys_a_kill_wants_a_reason_and_only_y_applies_it(place: str) -> None:
    control = busy("running")
    async with console(control) as operator:
        await operator.press(PLACES[place][0])
        await operator.sees("nightly" if place.startswith("job") else "t0")
        await operator.press(*PLACES[place][1:])
        await operator.quiet()
        if place == "job":
            await operator.sees("stage 1")
        await operator.press("X")
        await operator.sees("Plan: kill 1 running task; nothing is done yet", "task 1: t0 of job 2")
        await operator.press("enter")
        await operator.sees("a reason is required")
        await operator.type("it hangs")
        await operator.press("enter")
        await operator.sees("Kill 1 running task? y applies it")
        await operator.press("enter", "X", "space", "n")
        assert isinstance(operator.app.screen, PlanDialog)
        assert control.asked == []
        await operator.press("y")
        await operator.hears("kill 1 running task: 1 changed")
        assert control.asked == [("kill", (1,))]
        assert control.reasons == ["it hangs"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("2", "nothing is running in job 2 (nightly)"),
        ("3", "nothing is running in task 1 (t0)"),
        ("4", "nothing is running in task 1 (t0)"),
    ],
)
async def test_the_key_is_greyed_with_a_reason_where_nothing_runs(key: str, reason: str) -> None:
    control = busy("failed")
    async with console(control) as operator:
        await operator.press(key)
        await operator.sees("nightly" if key == "2" else "t0")
        assert isinstance(operator.app.screen, DeskScreen)
        assert operator.app.screen.check_action("kill", ()) is None
        await operator.press("X")
        await operator.hears(reason)
        assert isinstance(operator.app.screen, DeskScreen)


async def test_of_a_group_what_runs_is_killed_and_counted_once() -> None:
    control = FakeControl()
    job, other = control.add_job("nightly"), control.add_job("other")
    group = control.add_group(job, "g", ["running", "queued", "running", "succeeded"])
    control.add_group(other, "g", ["running"])
    desk = Desk(control)
    await desk.operations.kill(marked(group, group + 2))
    assert desk.plans[0].title == "kill 2 running tasks"
    assert desk.plans[0].lines[0] == "states    running 2  queued 1  succeeded 1"
    assert control.asked == [("kill", (group + 1, group + 3))]


@pytest.mark.parametrize("keys", ["3 G", "3 G enter", "2 enter G", "2 enter v v"])
async def test_a_group_is_killed_by_its_key(keys: str) -> None:
    control = FakeControl()
    group = control.add_group(control.add_job("nightly"), "g", ["running", "queued"])
    async with console(control) as operator:
        for key in keys.split():
            await operator.press(key)
            await operator.quiet()
        await operator.press("X")
        await operator.sees("Plan: kill 1 running task", f"task {group + 1}: g[0]", "queued 1")
        await operator.press("escape")


async def test_marks_of_which_one_runs_are_not_greyed() -> None:
    control = busy("running", "queued")
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("t1")
        await operator.press("space", "space", "X")
        await operator.sees("Plan: kill 1 running task", "queued 1")
        await operator.press("escape")


async def test_a_job_on_one_of_its_stages_is_meant_as_a_whole() -> None:
    control = busy("running", "queued")
    async with console(control) as operator:
        await operator.press("enter")
        await operator.sees("stage 1")
        await operator.press("g", "X")
        await operator.sees("Plan: kill 1 running task", "queued 1")


async def test_hostile_names_are_shown_as_glyphs() -> None:
    control = FakeControl()
    control.add_task(control.add_job(HOSTILE), HOSTILE, status="running")
    async with console(control) as operator:
        await operator.press("3")
        await operator.quiet()
        await operator.press("X")
        await operator.sees("Plan: kill 1 running task", "␛[31m")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
