"""A damaged row among others is named, and holds back nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.connectors.human import Human
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.control.nouns.schedules import Switch
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.errors import Invalid
from core.model.limits.limits import Capacity, Limit, LimitKind, Pool
from core.model.records import replace
from core.model.timing.schedules import FireStatus, Overlap, ScheduleState
from core.render.schedule_lines import schedule_line
from core.render.schedule_texts import schedule_facts, schedule_shape, summary_text
from core.store.sql import unpack_all
from tests.engine.test_engine_schedules import HOUR, every, until_fired
from tests.support.house import House, task

UNREADABLE = ("{", "[1]", "", '{"name":"nightly","timing":{}}')


def damage(house: House, statement: str, *values: object) -> None:
    """Change rows behind the engine's back; the findings of that are no fault of the test."""
    house.spoiled |= {
        "store.unreadable",
        "fold.task",
        *(f"family.{of}" for of in ("tasks", "job", "failures", "hour")),
    }
    with closing(sqlite3.connect(house.paths.db)) as db, db:
        assert db.execute(statement, values).rowcount > 0


@pytest.mark.parametrize("text", UNREADABLE)
async def test_a_schedule_that_cannot_be_read_keeps_back_no_other(house: House, text: str) -> None:
    await house.control.schedules.add(every(house, overlap=Overlap.REPLACE))
    await house.control.schedules.add(replace(every(house), name="other"))
    damage(house, "UPDATE schedule SET body = ? WHERE name = 'nightly'", text)
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    assert (await house.control.schedules.fires("other")).rows[0].status is FireStatus.SUBMITTED
    assert "schedule nightly" in house.engine.info().set_aside
    house.clock.advance(ms=HOUR)
    await until_fired(house, 2)
    damaged, other = await house.control.schedules.all()
    assert [schedule_line(one).state for one in (damaged, other)] == [
        ScheduleState.UNREADABLE,
        ScheduleState.ON,
    ]
    assert "cannot be read" in schedule_line(damaged).fires
    assert "does not fire" in summary_text(damaged)
    assert any("cannot be read" in fact for fact in schedule_facts(damaged))
    assert schedule_shape(damaged)["fault"] == damaged.fault
    assert schedule_shape(other)["fault"] is None
    assert (await house.control.count(parse("state:unreadable", Noun.SCHEDULES))).number == 1


async def test_what_changes_a_schedule_that_cannot_be_read_says_why_and_what_helps(house: House) -> None:
    schedules = house.control.schedules
    await schedules.add(every(house))
    damage(house, "UPDATE schedule SET body = '{'")
    (view,) = await schedules.all()
    with pytest.raises(Invalid, match="cannot be read") as refused:
        view.rule  # noqa: B018 # Reading it is what is refused.
    assert refused.value.code == "schedule.unreadable"
    assert "schedule remove nightly" in refused.value.hint
    with pytest.raises(Invalid, match="cannot be read"):
        await schedules.trigger("nightly")
    await schedules.switch("nightly", Switch.PAUSE)
    with pytest.raises(Invalid, match="cannot be read"):
        await schedules.switch("nightly", Switch.RESUME)
    await schedules.switch("nightly", Switch.REMOVE)
    await schedules.add(every(house))
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)


async def test_lists_show_rows_beside_one_whose_texts_cannot_be_read(house: House) -> None:
    job = await house.submit(task("bad", "fail"), task("good", "fail"), on_task_failure="finish")
    assert (await house.ended(job)).status == "failed"
    bad = house.task_id(job, "bad")
    damage(house, "UPDATE task SET error = '{', family = NULL WHERE id = ?", bad)
    damage(house, "UPDATE job SET params = '{' WHERE id = ?", job)
    damage(house, "UPDATE event SET data = '{\"family\":' WHERE task_id = ? AND kind = 'attempt.failed'", bad)
    tasks = {one.key: one for one in (await house.control.tasks(parse("", Noun.TASKS))).rows}
    assert tasks["bad"].error is not None
    assert tasks["bad"].error["code"] == "store.unreadable"
    assert tasks["good"].error is not None
    assert tasks["good"].error["code"] != "store.unreadable"
    named = await house.control.tasks(parse(f"code:{tasks['good'].error['code']}", Noun.TASKS))
    assert [one.key for one in named.rows] == ["good"]
    assert [one.id for one in (await house.control.jobs(parse("", Noun.JOBS))).rows if one.id == job]
    events = (await house.control.events()).rows
    assert [one for one in events if one.data.get("code") == "store.unreadable"]
    assert await house.control.pulse()
    assert (await house.control.why(bad)).status == "failed"
    assert (await house.finish(task("next"))).status == "succeeded"


async def test_tasks_are_listed_beside_one_whose_cost_cannot_be_read(house: House) -> None:
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    bad = house.task_id(job, "b")
    for cost in ("{", "7", '{"usd": "much"}'):
        damage(house, "UPDATE task SET cost = ? WHERE id = ?", cost, bad)
        tasks = (await house.control.tasks(parse("", Noun.TASKS))).rows
        assert {one.key for one in tasks} == {"a", "b"}
        assert (await house.control.why(bad)).status == "blocked"
        assert len((await house.control.why_job(job)).tasks) == 2
    house.steer.release()
    assert (await house.finish(task("next"))).status == "succeeded"


async def test_work_items_are_listed_beside_one_whose_form_cannot_be_read(empty_house: House) -> None:
    house = empty_house
    house.registry = lambda: Registry([Shell(), Human(), house.steer])
    await house.open()
    asks = [
        {"key": key, "uses": "human", "with": {"title": key, "due": "1h", "on_due": "approve"}}
        for key in ("bad", "good")
    ]
    job = await house.submit(*asks, on_task_failure="finish")
    await house.reach(job, "bad", "waiting")
    await house.reach(job, "good", "waiting")
    damage(house, "UPDATE work_item SET form = '[1]' WHERE title = 'bad'")
    bad, good = sorted((await house.control.work_items.list()).items, key=lambda one: one.title)
    assert ((await house.control.work_items.one(bad.id)).form, good.title) == ((), "good")
    with pytest.raises(Invalid, match="form of a work item cannot be read") as refused:
        await house.control.work_items.approve(bad.id, actor="ann")
    assert refused.value.code == "item.unreadable"
    house.clock.advance(ms=HOUR)
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"bad": "failed", "good": "succeeded"}


@pytest.mark.parametrize("table", ["limit_rule", "pool"])
@pytest.mark.parametrize("column", ["body", "changed"])
async def test_an_engine_that_cannot_read_a_limit_or_pool_does_not_start_and_says_what_helps(
    house: House, table: str, column: str
) -> None:
    limit = Limit(name="api", kind=LimitKind.CONCURRENCY, max=5)
    house.capacity = Capacity(limits=(limit,), pools=(Pool(name="default", slots=4),))
    await house.stop()
    await house.open()
    await house.stop()
    damage(house, f"UPDATE {table} SET {column} = '{{'")
    with pytest.raises(Invalid, match=r"what is stored of a .* cannot be read") as refused:
        await house.open()
    assert refused.value.code == "capacity.unreadable"
    assert "doctor" in refused.value.hint
    damage(house, f"UPDATE {table} SET {column} = '{{}}'")


def test_many_texts_are_read_though_one_of_them_is_damaged() -> None:
    assert unpack_all(["1", None, "[2]"]) == [1, None, [2]]
    for damaged in ("{", "1,2", "]", "1],[2"):
        first, note, last = unpack_all(["1", damaged, "[2]"])
        assert (first, last) == (1, [2])
        assert note["code"] == "store.unreadable"  # type: ignore[index,call-overload]


BESIDE = {
    "a lane whose head is a text": "UPDATE lane SET head_key = 'high'",
    "a lane whose head is a fraction": "UPDATE lane SET head_key = 1.5",
    "an aisle whose head is a text": "UPDATE aisle SET head_key = 'high'",
    "an aisle whose head is a blob": "UPDATE aisle SET head_key = x'ff'",
    "a share that is a text": "UPDATE job SET vtime = 'high' WHERE status NOT IN ('succeeded', 'failed')",
    "a share that is a fraction": "UPDATE job SET vtime = 1.5 WHERE status NOT IN ('succeeded', 'failed')",
    "pools that are no list": "UPDATE gset SET prefer = '{'",
    "pools that are bytes": "UPDATE gset SET prefer = CAST(x'ff' AS TEXT)",
}


@pytest.mark.parametrize("statement", BESIDE.values(), ids=BESIDE)
async def test_no_row_of_what_waits_keeps_other_jobs_from_running(house: House, statement: str) -> None:
    house.capacity = Capacity(pools=(Pool(name="default", slots=4), Pool(name="other", slots=1)))
    await house.stop()
    await house.open()
    await house.submit(task("waits", queue="later"))
    await house.finish(task("one", prefer=["other"]))
    await house.stop()
    damage(house, statement)
    house.spoiled |= {"store.rule", "lane.head", "aisle.head"}
    await house.open()
    assert (await house.finish(task("next"))).status == "succeeded"
    assert house.engine.failure is None


async def test_an_engine_starts_on_rows_that_break_a_rule_of_their_table(house: House) -> None:
    job = await house.submit(task("a"))
    await house.ended(job)
    await house.stop()
    with closing(sqlite3.connect(house.paths.db)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        assert db.execute("UPDATE job SET finished_at = NULL WHERE id = ?", (job,)).rowcount
    house.spoiled |= {"store.rule", "store.corrupt", "fold.job"}
    await house.open()
    assert (await house.finish(task("next"))).status == "succeeded"


async def test_a_head_that_is_no_number_is_made_again(house: House) -> None:
    await house.stop()
    await house.open(dispatch=False)
    jobs = [await house.submit(task(f"t{number}")) for number in range(3)]
    await house.stop()
    lanes = "SELECT l.id FROM lane l WHERE l.job_id = ?"
    damage(house, f"UPDATE lane SET head_key = 'high' WHERE id IN ({lanes})", jobs[1])
    await house.open()
    for job in jobs:
        assert (await house.ended(job)).status == "succeeded"
