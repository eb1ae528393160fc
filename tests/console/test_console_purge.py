"""Purge by keys: plan, reason, and what stays."""

from __future__ import annotations

import pytest

from console.verbs import purge as purging
from console.verbs.selection import Selection
from core.control.api import Purge, Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Effect
from core.model.errors import Unavailable
from core.model.purges import PurgeWhat
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl
from tests.console.test_console_kill import busy
from tests.console.test_console_operations import Desk, marked, matching

MIXED = ("succeeded", "running", "failed", "succeeded", "queued", "succeeded", "cancelled", "succeeded")


def changes(control: FakeControl) -> list[Purge]:
    return [one for one in control.upkeep_changes if isinstance(one, Purge)]


async def test_tasks_are_purged_as_planned_with_a_reason_and_what_stays_is_listed() -> None:
    control = busy(*MIXED)
    desk = Desk(control)
    desk.key = "t"
    assert await desk.operations.purge(marked(1, 2, 3, 4, 5, 6, 7, 8))
    assert desk.questions == ["Purge task 1: [t] loose tasks with history and outputs  [o] outputs alone?"]
    (plan,) = desk.plans
    assert plan.title == "purge 6 tasks with 6.0 kB of outputs"
    assert plan.lines[1:] == (
        "nothing of this comes back; one event stays of each",
        "stays       2: it is running (cancel it)",
        "stays       5: it is queued (cancel it)",
    )
    assert {(one.what, one.effect, one.reason) for one in changes(control)} == {
        (PurgeWhat.TASKS, Effect.CHANGE, "they hang")
    }
    # Part by part, as the control answers.
    assert [one.after for one in changes(control)] == [0, 3, 6]
    assert desk.told == ["purged 6 tasks with 6.0 kB of outputs; 2 stay"]


async def test_nothing_goes_without_a_reason_an_answer_or_something_that_has_ended() -> None:
    control = busy("succeeded", "running", "queued")
    desk = Desk(control)
    desk.key = "n"
    assert not await desk.operations.purge(marked(1))
    desk.key, desk.reason = "o", None
    assert not await desk.operations.purge(marked(1))
    desk.reason = "room"
    assert not await desk.operations.purge(marked(2))
    assert not await desk.operations.purge(marked(2, 3))
    assert desk.told == ["2 stays: it is running (cancel it)"]
    assert [one.title for one in desk.reports] == ["nothing is purged: 2 stay"]
    assert changes(control) == []


async def test_a_filter_is_frozen_when_the_plan_is_made_and_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = busy(*MIXED)
    desk = Desk(control)

    def another_ends() -> None:
        control.add_task(2, "late", status="succeeded")

    desk.meanwhile = another_ends
    assert await desk.operations.purge(matching("status:succeeded", excluding=(4,)))
    assert {number for one in changes(control) for number in one.ids} == {1, 6, 8}
    monkeypatch.setattr(purging, "MOST", 2)
    assert not await desk.operations.purge(matching("status:succeeded"))
    assert "narrow the filter, or use `taskdeck purge outputs --where ...`" in desk.told[-1]


async def test_the_outputs_of_jobs_are_those_of_their_tasks() -> None:
    control = busy("succeeded")
    desk = Desk(control)
    jobs = Selection(target=Target(job_id=2), label="job 2 (nightly)", more=(Target(job_id=3),))
    control.add_task(control.add_job("other"), "x", status="failed")
    assert await desk.operations.purge(jobs)
    assert [one.where for one in changes(control)] == [parse("job:2,3", Noun.TASKS)]
    assert desk.plans[0].title == "purge 2.0 kB of outputs, of 2 tasks"


async def test_an_engine_that_is_gone_is_said_and_nothing_more() -> None:
    control = busy("succeeded")
    desk = Desk(control)

    async def gone(_: Purge) -> None:
        raise Unavailable("engine.lost", "the engine is gone", hint="wait")

    control.answer_purge = gone
    assert not await desk.operations.purge(marked(1))
    assert desk.told == ["purge task 1: the engine is gone (wait)"]


async def test_a_job_is_purged_from_its_list_by_a_plan_that_asks_for_a_reason() -> None:
    control = FakeControl()
    control.add_task(control.add_job("nightly", status="succeeded"), "load", status="succeeded")
    async with console(control, size=(80, 24)) as operator:
        await operator.press("D")
        await operator.sees("Purge job 2 (nightly): [j] jobs with history and outputs")
        await operator.press("enter")
        await operator.misses("Purge job 2")
        await operator.press("D", "j")
        await operator.sees("Plan: purge 1 job with 1 task", "nothing of this comes back")
        await operator.press(*"room", "enter", "y")
        await operator.hears("purged 1 job with 1 task and 1.0 kB of outputs")
    (change,) = changes(control)
    assert (change.what, change.ids, change.reason) == (PurgeWhat.JOBS, (2,), "room")
