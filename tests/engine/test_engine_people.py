"""Tasks that wait for people in an engine: expressions, time, kills, refusals."""

from __future__ import annotations

import asyncio

import pytest

from core.connectors.human import Human
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.control.api import SubmitOptions, Target
from core.model.errors import Conflict, InvalidDocument, TaskdeckError
from core.model.patterns.work_items import ItemScope
from tests.support.house import House, task


@pytest.fixture
def peopled(empty_house: House) -> House:
    """Return a house whose engine knows tasks that wait for people; it is not open."""
    empty_house.registry = lambda: Registry([Shell(), Human(), empty_house.steer])
    return empty_house


def human(of: str, /, *needs: object, **with_: object) -> dict:
    return {"key": of, "uses": "human", "needs": list(needs), "with": {"title": "May it?", **with_}}


async def test_the_answer_is_an_output_that_later_tasks_read_and_no_slot_is_held(peopled: House):
    await peopled.open(slots=1)
    job = await peopled.submit(
        human(
            "ask",
            "a",
            title="Spend ${{ tasks.a.output.n }} of ${{ params.project }}?",
            form={"limit": {"type": "integer", "max": 10, "default": "${{ tasks.a.output.n }}"}},
        ),
        task("a", steer={"output": {"n": 3}}),
        task("b", "succeed", "ask", steer={"read": "${{ tasks.ask.output.limit }}"}),
        params={"project": {"type": "string"}},
        given={"project": "010"},
    )
    await peopled.reach(job, "ask", "waiting")
    assert (await peopled.finish(task("other"))).status == "succeeded"
    (item,) = (await peopled.control.work_items.list()).items
    assert item.title == "Spend 3 of 010?"
    (reason,) = (await peopled.control.why(peopled.task_id(job, "ask"))).reasons
    assert f"'taskdeck approve {item.id}'" in reason.ends
    await peopled.control.work_items.approve(item.id, actor="bob")
    assert (await peopled.ended(job)).status == "succeeded"
    assert [one["read"] for one in peopled.steer.inputs["b"]] == [3]


async def test_reminders_and_the_end_of_time_come_in_engine_time_also_after_a_kill(peopled: House):
    await peopled.open()
    job = await peopled.submit(human("ask", due="2h", on_due="reject", remind="50m"), task("b"))
    await peopled.reach(job, "ask", "waiting")
    peopled.clock.advance(seconds=50 * 60)
    await peopled.settle()
    await peopled.open()
    peopled.clock.advance(seconds=50 * 60)
    await peopled.settle()
    (item,) = (await peopled.control.work_items.list()).items
    kinds = [entry.kind.value for entry in (await peopled.control.work_items.one(item.id)).entries]
    assert kinds == ["opened", "reminded", "reminded"]
    peopled.clock.advance(seconds=19 * 60)
    await peopled.settle()
    assert peopled.states(job)["ask"] == "waiting"
    peopled.clock.advance(seconds=62)
    assert (await peopled.ended(job)).status == "failed"
    assert await peopled.code(job, "ask") == "human.denied"
    assert peopled.history(job, "ask")[-2:] == ["item.denied", "task.failed"]


async def test_two_who_answer_at_once_are_one_answer_and_one_who_is_told(peopled: House):
    await peopled.open()
    job = await peopled.submit(human("ask"))
    await peopled.reach(job, "ask", "waiting")
    (item,) = (await peopled.control.work_items.list()).items
    asked = [peopled.control.work_items.approve(item.id, actor=f"p{n}") for n in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, TaskdeckError)]
    assert (len(refused), {one.code for one in refused}) == (19, {"item.closed"})
    assert (await peopled.ended(job)).status == "succeeded"


async def test_four_eyes_know_the_submitter_by_the_label_of_the_control(peopled: House):
    await peopled.open()
    document = {"name": "work", "tasks": [human("ask", four_eyes=True, assignee="ann")]}
    options = SubmitOptions(actor="cli:ann")
    job = (await peopled.control.submit(document, {}, options=options)).job_id
    await peopled.reach(job, "ask", "waiting")
    items = peopled.control.work_items
    (item,) = (await items.list()).items
    with pytest.raises(Conflict) as refused:
        await items.approve(item.id, actor="console:Ann")
    assert refused.value.code == "item.four_eyes"
    assert [(await items.list(ItemScope.MINE, actor=f"cli:{one}")).mine for one in ("ann", "bob")] == [0, 0]
    await items.delegate(item.id, "bob", actor="cli:ann")
    assert (await items.list(ItemScope.MINE, actor="cli:bob")).mine == 1
    await items.approve(item.id, actor="cli:bob")
    assert (await peopled.ended(job)).status == "succeeded"


async def test_a_cancelled_job_takes_its_items_along(peopled: House):
    await peopled.open()
    job = await peopled.submit(human("ask"))
    await peopled.reach(job, "ask", "waiting")
    await peopled.control.cancel(Target(job_id=job), reason="not any more")
    assert (await peopled.ended(job)).status == "cancelled"
    (item,) = (await peopled.control.work_items.list(ItemScope.ALL)).items
    assert (item.outcome, (await peopled.control.work_items.list()).open) == ("cancelled", 0)


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({"titel": "x"}, "tasks[0].with.titel"),
        ({"form": {"limit": "integr"}}, "tasks[0].with.form.limit"),
        ({"form": {"limit": {"type": "integer", "maxx": 1}}}, "tasks[0].with.form.limit.maxx"),
        ({"form": {"limit": {"type": "integer", "default": "x"}}}, "tasks[0].with.form.limit.default"),
        (
            {"form": {"limit": {"type": "integer", "max": 1, "default": 2}}},
            "tasks[0].with.form.limit.default",
        ),
        ({"form": {"limit": {"min": 2, "max": 1}}}, "tasks[0].with.form.limit.min"),
        ({"form": {"limit": {"enum": []}}}, "tasks[0].with.form.limit.enum"),
        ({"form": {"limit": {"type": "integer", "enum": [1, "2"]}}}, "tasks[0].with.form.limit.enum[1]"),
        ({"form": {"a b": "string"}}, "tasks[0].with.form.a b"),
        ({"form": {"item": "string"}}, "tasks[0].with.form.item"),
        ({"form": {"x": 5}}, "tasks[0].with.form.x"),
        ({"due": "soon"}, "tasks[0].with.due"),
        ({"remind": "5s"}, "tasks[0].with.remind"),
        ({"on_due": "fail"}, "tasks[0].with.on_due"),
        ({"due": "1h", "on_due": "fail", "escalate_to": "x"}, "tasks[0].with.escalate_to"),
        ({"escalate_to": "x"}, "tasks[0].with.escalate_to"),
        ({"due": "1h", "on_due": "approve", "form": {"a": "integer"}}, "tasks[0].with.form.a"),
        ({"assignee": "a", "group": "b"}, "tasks[0].with.group"),
        ({"assignee": "a", "quorum": 2}, "tasks[0].with.quorum"),
        ({"quorum": 0}, "tasks[0].with.quorum"),
        ({"title": "x" * 201}, "tasks[0].with.title"),
    ],
)
async def test_faults_of_a_task_for_people_have_their_places(peopled: House, with_: dict, path: str):
    await peopled.open()
    with pytest.raises(InvalidDocument) as caught:
        await peopled.submit(human("ask", **with_))
    assert [fault.path for fault in caught.value.faults] == [path]
