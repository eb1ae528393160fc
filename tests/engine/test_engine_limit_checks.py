"""Admission against limits: unknown names, costs that no budget ever has."""

from __future__ import annotations

from typing import Any

import pytest

from core.control.api import Target, TaskSpec
from core.model.commands.capacity import SetLimit, Span
from core.model.commands.limits import Configure
from core.model.commands.work import DocumentText
from core.model.errors import Invalid, InvalidDocument
from core.model.limits.limits import Dimension, Limit, LimitKind, LimitRef, Per, Window
from core.model.values import JsonObject
from tests.support.house import House

DB = Limit(name="db", kind=LimitKind.CONCURRENCY, max=2)
TEAM = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=5_000_000, on={})
DEEP = Limit(name="deep", kind=LimitKind.BUDGET, unit="tokens", max=10_000_000, on={Dimension.WORKFLOW: "w"})
MINE = Limit(
    name="mine", kind=LimitKind.BUDGET, unit="usd", max=1_000_000, window=Window(per=Per.JOB), on=None
)


@pytest.fixture
async def limited(house: House) -> House:
    """Give an engine whose store has four limits."""
    await house.engine.journal.submit(Configure(limits=(DB, TEAM, DEEP, MINE)))
    return house


def document(tasks: str) -> DocumentText:
    return DocumentText(text=f"name: w\nparams: {{n: {{type: integer, default: 3}}}}\n{tasks}", name="w.yaml")


async def refused(house: House, tasks: str) -> list[tuple[Any, ...]]:
    """Return code, line and path of each fault of a document, and the last message."""
    with pytest.raises(InvalidDocument) as caught:
        await house.control.submit(document(tasks), {})
    assert house.rows("SELECT count(*) FROM task") == [(0,)]
    faults: list[JsonObject] = caught.value.facts["faults"]  # type: ignore[assignment] # a list of objects
    return [(fault["code"], fault["line"], fault["path"], fault["message"]) for fault in faults]


async def test_a_document_that_names_an_unknown_limit_is_refused_at_its_line(limited: House) -> None:
    (fault,) = await refused(
        limited, "tasks:\n  - {key: a, uses: delay, with: {seconds: 0}}\n  - {key: b, uses: delay,\n"
        "     with: {seconds: 0},\n     limits: [db,\n       dbb]}\n"
    )  # fmt: skip
    assert fault[:3] == ("limit.unknown", 7 + 1, "tasks[1].limits[1]")
    assert fault[3] == "`dbb` is not a limit; did you mean `db`?"


async def test_a_limit_of_the_defaults_is_refused_where_it_stands(limited: House) -> None:
    faults = await refused(
        limited, "defaults: {limits: [nope]}\ntasks: [{key: a, uses: delay, with: {seconds: 0}}]\n"
    )
    assert [fault[:3] for fault in faults] == [("limit.unknown", 3, "defaults.limits[0]")]


@pytest.mark.parametrize(
    ("cost", "path"),
    [
        ("{usd: 5.000001}", "tasks[0].cost.usd"),
        ("{usd: '${{ params.n * 2 }}'}", "tasks[0].cost.usd"),
        ("{usd: 5, tokens: 11}", "tasks[0].cost.tokens"),
    ],
)
async def test_a_cost_above_all_that_a_budget_has_is_refused(limited: House, cost: str, path: str) -> None:
    tasks = f"tasks:\n  - {{key: a, uses: delay, with: {{seconds: 0}},\n     cost: {cost}}}\n"
    faults = await refused(limited, tasks)
    assert [fault[:3] for fault in faults] == [("budget.too_small", 5, path)]


async def test_a_cost_is_held_against_the_smallest_budget_that_it_is_under(limited: House) -> None:
    tasks = "tasks: [{key: a, uses: delay, with: {seconds: 0}, limits: [mine], cost: {usd: 6}}]\n"
    (fault,) = await refused(limited, tasks)
    assert fault[3] == "it costs 6 usd, and `mine` never has more than 1 usd"


async def test_what_a_budget_was_raised_to_for_its_window_is_admitted_and_runs(house: House) -> None:
    daily = Limit(
        name="day", kind=LimitKind.BUDGET, unit="usd", max=5_000_000, window=Window(per=Per.DAY), on={}
    )
    await house.engine.journal.submit(Configure(limits=(daily,)))
    tasks = "tasks: [{key: a, uses: delay, with: {seconds: 0}, cost: {usd: 6}}]\n"
    assert (await refused(house, tasks))[0][0] == "budget.too_small"
    await house.control.limits.change(SetLimit(name="day", to="7", span=Span.WINDOW), actor="ana")
    job = (await house.control.submit(document(tasks), {})).job_id
    assert (await house.ended(job)).status == "succeeded"


async def test_what_fits_exactly_is_admitted(limited: House) -> None:
    tasks = "tasks: [{key: a, uses: delay, with: {seconds: 0}, limits: [db], cost: {usd: 5, tokens: 10}}]\n"
    job = (await limited.control.submit(document(tasks), {})).job_id
    assert (await limited.ended(job)).status == "succeeded"


async def test_loose_tasks_are_refused_by_their_field_all_or_none(limited: House) -> None:
    good = TaskSpec(uses="delay", with_={"seconds": 0}, limits=(LimitRef(name="db"),))
    for wrong, code, field, named in (
        ({"limits": (LimitRef(name="bd"),)}, "limit.unknown", "limits.0", {"limit": "bd"}),
        ({"limits": (LimitRef(name="mine"),)}, "limit.per_job", "limits.0", {"limit": "mine"}),
        ({"cost": {"usd": 6}}, "budget.too_small", "cost.usd", {"unit": "usd"}),
    ):
        bad = TaskSpec(uses="delay", with_={"seconds": 0}, key="bad", **wrong)  # type: ignore[arg-type]
        with pytest.raises(Invalid) as caught:
            await limited.control.enqueue([good, bad])
        assert caught.value.code == code
        assert caught.value.facts == {"field": field, "key": "bad", **named}
    assert limited.rows("SELECT count(*) FROM task") == [(0,)]


async def test_a_limit_that_is_removed_later_binds_nothing(limited: House) -> None:
    await limited.control.pause(Target(queue="default"))
    spec = TaskSpec(uses="delay", with_={"seconds": 0}, limits=(LimitRef(name="db"),))
    (task_id,) = await limited.control.enqueue([spec])
    await limited.engine.journal.submit(Configure(limits=(TEAM,)))
    with pytest.raises(Invalid):
        await limited.control.enqueue([spec])
    await limited.control.resume(Target(queue="default"))
    assert await limited.control.wait_tasks([task_id]) == {"succeeded": 1}
