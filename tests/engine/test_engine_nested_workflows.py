"""Children eight deep: cancel, pause, budget, failure and circles at each level."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.control.api import Target
from core.model.errors import InvalidDocument
from core.model.limits.limits import MICRO, Capacity, Limit, LimitKind, OnExhausted, Per, Window
from core.model.patterns.children import DEPTH_MAX
from tests.support.house import House, task

LEVELS = range(DEPTH_MAX + 1)
"""The job above all is level 0, the deepest child level 8."""
ABOVE = range(DEPTH_MAX)
"""Those that have a child."""


class Tree:
    """One job of each level, each the child of the one before."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder

    def write(
        self, *, own: dict[int, list[dict]] | None = None, below: dict[int, dict] | None = None
    ) -> None:
        """Write the documents: `sub` waits for the next level after the `own` tasks of its level."""
        for level in LEVELS:
            tasks = list((own or {}).get(level, ()))
            if level in ABOVE:
                needs = [one["key"] for one in tasks]
                with_ = {"file": f"level{level + 1}.json", **(below or {}).get(level, {})}
                tasks.append({"key": "sub", "uses": "workflow", "needs": needs, "with": with_})
            document = {
                "name": f"level{level}",
                "tasks": tasks or [task("a", "block"), task("b", "succeed", "a")],
            }
            (self.folder / f"level{level}.json").write_text(json.dumps(document))

    async def submit(self) -> int:
        return (await self.house.control.submit(str(self.folder / "level0.json"), {})).job_id

    async def running(self) -> None:
        """Submit, and return when the deepest child runs."""
        await self.submit()
        await self.house.running("a")

    def job(self, level: int) -> int:
        """Return the newest job of a level."""
        ((found,),) = self.house.rows("SELECT max(id) FROM job WHERE name = ?", f"level{level}")
        return found

    @property
    def statuses(self) -> list[str]:
        """Return how the newest jobs stand, the one above all first."""
        rows = self.house.rows("SELECT name, status FROM job WHERE name LIKE 'level%' ORDER BY id")
        return [status for _, status in sorted(dict(rows).items())]

    async def ended(self) -> str:
        return (await self.house.ended(self.job(0))).status

    def error(self, level: int) -> dict:
        """Return the error of the task of a level that waited for the next one."""
        sql = "SELECT error FROM task WHERE job_id = ? AND key = 'sub'"
        ((error,),) = self.house.rows(sql, self.job(level))
        return json.loads(error)


@pytest.fixture
async def tree(empty_house: House, tmp_path: Path) -> Tree:
    """Return a tree of documents in a house that is not open."""
    empty_house.registry = lambda: Registry([ChildWorkflow(), empty_house.steer])
    made = Tree(empty_house, tmp_path)
    made.write()
    return made


@pytest.mark.parametrize("level", LEVELS)
async def test_a_cancel_ends_the_levels_below_and_fails_those_above(tree: Tree, level: int):
    await tree.house.open()
    await tree.running()
    await tree.house.control.cancel(Target(job_id=tree.job(level)), reason="enough", actor="ann")
    assert await tree.ended() == ("failed" if level else "cancelled")
    assert tree.statuses == ["failed"] * level + ["cancelled"] * (len(LEVELS) - level)
    if level:
        error = tree.error(level - 1)
        assert (error["code"], error["facts"]["job"]) == ("workflow.cancelled", tree.job(level))
    for above in range(level - 1):
        error = tree.error(above)
        assert error["code"] == "workflow.failed"
        assert f"job {tree.job(level)} level{level} cancelled" in error["message"], (
            "the cause is named up to the top"
        )


@pytest.mark.parametrize("level", ABOVE)
async def test_a_cancel_of_a_task_ends_its_child_and_the_job_it_is_in(tree: Tree, level: int):
    await tree.house.open()
    await tree.running()
    await tree.house.control.cancel(tree.house.target(tree.job(level), "sub"))
    assert await tree.ended() == ("failed" if level else "cancelled")
    assert tree.statuses == ["failed"] * level + ["cancelled"] * (len(LEVELS) - level)


@pytest.mark.parametrize("level", LEVELS)
async def test_a_pause_holds_the_levels_below_and_its_resume_those_that_were_not_paused_themselves(
    tree: Tree, level: int
):
    house = tree.house
    await house.open()
    await tree.running()
    marks = "SELECT status = 'paused', paused_above FROM job WHERE name LIKE 'level%' ORDER BY depth"
    await house.control.pause(Target(job_id=tree.job(level)))
    below = len(LEVELS) - level - 1
    assert house.rows(marks) == [(0, 0)] * level + [(1, 0)] + [(0, 1)] * below
    await house.control.pause(Target(job_id=tree.job(DEPTH_MAX)))
    house.steer.release("a")
    await house.reach(tree.job(DEPTH_MAX), "b", "queued")
    await house.control.resume(Target(job_id=tree.job(level)))
    await house.settle()
    if below:
        assert house.rows(marks) == [(0, 0)] * (len(LEVELS) - 1) + [(1, 0)]
        assert house.states(tree.job(DEPTH_MAX))["b"] == "queued"
        await house.control.resume(Target(job_id=tree.job(DEPTH_MAX)))
    assert await tree.ended() == "succeeded"
    assert set(tree.statuses) == {"succeeded"}


@pytest.mark.parametrize("level", LEVELS[1:])
async def test_a_budget_for_each_job_is_that_of_the_job_above_all(tree: Tree, level: int):
    """Each level spends a dollar before its child begins; the budget ends at this level."""
    budget = Limit(
        name="job", kind=LimitKind.BUDGET, unit="usd", max=level * MICRO, window=Window(per=Per.JOB), on={}
    )
    tree.house.capacity = Capacity(limits=(budget,))
    tree.write(own={one: [task("pay", cost={"usd": 1}, on_exhausted=OnExhausted.FAIL)] for one in LEVELS})
    await tree.house.open()
    await tree.submit()
    assert await tree.ended() == "failed"
    assert tree.statuses == ["failed"] * (level + 1), "no child of a deeper level began"
    assert await tree.house.code(tree.job(level), "pay") == "budget.exhausted"
    assert (tree.error(0)["code"], tree.error(level - 1)["facts"]["code"]) == (
        "workflow.failed",
        "budget.exhausted",
    )
    assert tree.house.rows("SELECT key, used FROM gauge WHERE name = 'job'") == [
        (f"job:{tree.job(0)}", level * MICRO)
    ]


@pytest.mark.parametrize("level", LEVELS)
async def test_a_failure_travels_up_from_each_level_with_its_cause(tree: Tree, level: int):
    tree.write(own={level: [task("bad", "fail")]})
    await tree.house.open()
    await tree.submit()
    assert await tree.ended() == "failed"
    assert tree.statuses == ["failed"] * (level + 1)
    for above in range(level):
        assert f"job {tree.job(level)} level{level} failed: task bad: " in tree.error(above)["message"]


@pytest.mark.parametrize("what", ["skip", "succeed"])
@pytest.mark.parametrize("level", ABOVE)
async def test_a_failure_travels_up_to_the_level_that_bears_it(tree: Tree, level: int, what: str):
    tree.write(own={DEPTH_MAX: [task("bad", "fail")]}, below={level: {"on_child_failure": what}})
    await tree.house.open()
    await tree.submit()
    assert await tree.ended() == "succeeded"
    assert tree.statuses == ["succeeded"] * (level + 1) + ["failed"] * (DEPTH_MAX - level)
    status = "skipped" if what == "skip" else "succeeded"
    assert tree.house.states(tree.job(level))["sub"] == status


async def test_a_circle_is_named_from_the_level_where_it_begins(tree: Tree):
    await tree.house.open()
    for level in LEVELS:
        again = {"key": "again", "uses": "workflow", "with": {"file": f"level{level}.json"}}
        tree.write(own={DEPTH_MAX: [again]})
        with pytest.raises(InvalidDocument) as refused:
            await tree.submit()
        names = [f"level{one}" for one in LEVELS[level:]]
        assert f"in a circle: {' -> '.join([*names, names[0]])}" in refused.value.faults[0].message
    assert tree.statuses == []
