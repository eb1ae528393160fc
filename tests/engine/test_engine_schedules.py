"""Schedules fire on time, through restarts, set clocks and busy jobs."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from core.control.nouns.schedules import Switch
from core.control.nouns.workflows import AddWorkflow
from core.engine.scheduling import schedules
from core.model.commands.work import Effect, StopMode, Submit
from core.model.errors import Conflict, Invalid, InvalidDocument, NotFound, Unavailable
from core.model.records import replace
from core.model.timing.schedules import CatchUp, FirePolicy, FireStatus, Overlap, Schedule, Timing, Work
from core.timetables import timetable
from tests.support.house import House

MINUTE, HOUR = 60_000, 3_600_000
SUCCEED = """
name: nightly
params: {at: {type: string, default: none}}
tasks:
  - {key: a, uses: steer, with: {do: succeed}}
"""
BLOCK = SUCCEED.replace("succeed", "block")


def every(house: House, text: str = SUCCEED, *, ms: int = HOUR, **policy: Any) -> Schedule:
    return Schedule(
        name="nightly",
        timing=Timing(every_ms=ms, anchor=house.clock.wall),
        policy=FirePolicy(**policy),
        work=Work(text=text, source="nightly.yaml"),
    )


async def fires(house: House) -> list[tuple[str, int, int]]:
    """Return status, number and hours since the beginning of the fires, the oldest first."""
    page = await house.control.schedules.fires("nightly")
    begin = (await house.control.schedules.one("nightly")).schedule.timing.anchor
    return [(fire.status.value, fire.number, (fire.at - begin) // HOUR) for fire in page.rows[::-1]]


async def until_fired(house: House, number: int) -> None:
    """Return when so many fires are decided, none of which waits for its turn."""
    counted = "SELECT count(*) FROM fire"
    await house.until(lambda: house.rows(counted) == [(number,)], f"{number} fires")


async def test_a_schedule_fires_on_time_and_its_job_knows_the_time(house: House) -> None:
    schedule = every(house)
    work = replace(schedule.work, params={"at": "${{ fire.at }}, before: ${{ fire.previous }}"})
    await house.control.schedules.add(replace(schedule, work=work), actor="kim")
    await house.settle()
    view = await house.control.schedules.one("nightly")
    assert view.next == tuple(schedule.timing.anchor + hours * HOUR for hours in range(1, 6))
    house.clock.advance(ms=HOUR - 1)
    await house.settle()
    assert await fires(house) == []
    house.clock.advance(ms=1)
    await until_fired(house, 1)
    house.clock.advance(ms=HOUR)
    await until_fired(house, 2)
    assert await fires(house) == [("submitted", 1, 1), ("submitted", 1, 2)]
    first, second = [await house.control.job(number) for number in (2, 3)]
    assert first.actor == "schedule nightly"
    assert first.params["at"].endswith("before: 2025-06-15T15:06:40.000Z")
    assert second.params["at"].split(", before: ") == [
        "2025-06-15T17:06:40.000Z",
        "2025-06-15T16:06:40.000Z",
    ]


@pytest.mark.parametrize(
    ("catch_up", "most", "told"),
    [
        (CatchUp.LATEST, 100, [("missed", 2, 2), ("missed", 2, 4), ("submitted", 1, 5)]),
        (CatchUp.NONE, 100, [("missed", 5, 5)]),
        (CatchUp.ALL, 100, [("missed", 2, 2), *[("submitted", 1, hour) for hour in (3, 4, 5)]]),
        (CatchUp.ALL, 2, [("missed", 2, 2), ("missed", 1, 3), ("submitted", 1, 4), ("submitted", 1, 5)]),
    ],
)
async def test_what_passed_without_an_engine_is_caught_up_on(
    house: House, catch_up: CatchUp, most: int, told: list[tuple[str, int, int]]
) -> None:
    policy = {"catch_up": catch_up, "most": most, "window_ms": 2 * HOUR + 30 * MINUTE}
    await house.control.schedules.add(every(house, overlap=Overlap.ALLOW, **policy))
    await house.stop()
    house.clock.advance(ms=5 * HOUR + 10 * MINUTE - (house.clock.wall - await begin(house)))
    await house.open()
    await until_fired(house, len(told))
    await house.settle()
    assert await fires(house) == told
    assert (await house.control.schedules.one("nightly")).due_at == await begin(house) + 6 * HOUR


async def begin(house: House) -> int:
    ((at,),) = house.rows("SELECT body->>'$.timing.anchor' FROM schedule")
    return int(at)


async def test_a_clock_that_is_set_back_fires_nothing_twice_and_one_set_forward_at_once(
    house: House,
) -> None:
    await house.control.schedules.add(every(house))
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    house.clock.set_wall(-30 * MINUTE)
    house.clock.advance(seconds=15)
    await house.settle()
    house.clock.advance(ms=30 * MINUTE)
    await house.settle()
    assert await fires(house) == [("submitted", 1, 1)]
    house.clock.set_wall(60 * MINUTE)
    house.clock.advance(seconds=15)
    await until_fired(house, 2)
    assert await fires(house) == [("submitted", 1, 1), ("submitted", 1, 2)]


async def test_an_edit_beside_a_clock_that_was_put_back_goes_on_behind_what_was_decided(
    house: House,
) -> None:
    await house.control.schedules.add(every(house))
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    decided = await begin(house) + HOUR
    house.clock.set_wall(-30 * MINUTE)
    await house.control.schedules.edit(
        replace(every(house), timing=Timing(every_ms=10 * MINUTE, anchor=decided - HOUR))
    )
    await house.settle()
    house.clock.advance(seconds=15)
    await house.settle()
    # Times up to the one that was decided are not met again, and nothing looks for them for ever.
    house.clock.advance(ms=25 * MINUTE)
    stands = "SELECT due_at, handled_at FROM schedule"
    expected = [(decided + 10 * MINUTE, decided)]
    await house.until(lambda: house.rows(stands) == expected, "the next time is behind it")
    house.clock.advance(ms=15 * MINUTE)
    await until_fired(house, 2)


async def test_a_schedule_that_cannot_be_worked_out_keeps_back_no_other(house: House) -> None:
    await house.control.schedules.add(every(house))
    await house.control.schedules.add(replace(every(house), name="other"))
    broken = "UPDATE schedule SET body = json_set(body, '$.timing.zone', 'Gone/Zone') WHERE name = 'nightly'"
    with sqlite3.connect(house.paths.db) as db:
        db.execute(broken)
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    assert (await house.control.schedules.fires("other")).rows[0].status is FireStatus.SUBMITTED
    assert "schedule nightly" in house.engine.info().set_aside


async def test_a_schedule_that_breaks_in_a_way_of_its_own_keeps_back_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.control.schedules.add(every(house))
    await house.control.schedules.add(replace(every(house, ms=2 * HOUR), name="other"))
    real, broken = timetable.timetable_of, [HOUR]

    def timetable_of(timing: Timing) -> object:
        if timing.every_ms in broken:
            raise OverflowError("date value out of range")
        return real(timing)

    monkeypatch.setattr(schedules, "timetable_of", timetable_of)
    house.clock.advance(ms=2 * HOUR)
    await until_fired(house, 1)
    assert (await house.control.schedules.fires("other")).rows[0].status is FireStatus.SUBMITTED
    assert "schedule nightly: OverflowError" in house.engine.info().set_aside
    broken.clear()
    house.clock.advance(ms=2 * HOUR)
    await house.until(lambda: house.rows("SELECT 1 FROM fire WHERE schedule_id = 1"), "it fires again")
    await house.until(lambda: not house.engine.info().set_aside, "nothing is named any more")


@pytest.mark.parametrize("error", [RuntimeError("odd rows"), Conflict("store.refused", "odd rows")])
async def test_a_look_at_schedules_that_breaks_is_named_and_made_again_after_a_minute(
    house: House, error: Exception
) -> None:
    await house.control.schedules.add(every(house))
    due = house.engine.schedules._due
    breaks, read = [error], due.due

    async def broken(now: int) -> object:
        if breaks:
            raise breaks.pop()
        return await read(now)

    due.due = broken  # type: ignore[method-assign]
    house.clock.advance(ms=HOUR)
    await house.until(lambda: "odd rows" in house.engine.info().set_aside, "it is named")
    assert house.rows("SELECT count(*) FROM fire") == [(0,)]
    armed = house.engine._ports.alarms.armed  # type: ignore[attr-defined]
    assert armed["schedules"] == house.clock.now() + MINUTE
    house.clock.advance(ms=MINUTE)
    await until_fired(house, 1)
    await house.until(lambda: not house.engine.info().set_aside, "nothing is named any more")


async def test_a_trigger_of_a_schedule_that_is_being_removed_is_refused(house: House) -> None:
    await house.control.schedules.add(every(house))
    removing = house.control.schedules.switch("nightly", Switch.REMOVE)
    triggered = house.control.schedules.trigger("nightly")
    _, outcome = await asyncio.gather(removing, triggered, return_exceptions=True)
    assert isinstance(outcome, NotFound) or outcome.status is FireStatus.SUBMITTED


async def test_fires_meet_a_job_that_has_not_ended(house: House) -> None:
    await house.control.schedules.add(every(house, BLOCK, overlap=Overlap.QUEUE))
    for number in (1, 2, 3):
        house.clock.advance(ms=HOUR)
        await until_fired(house, number)
    await house.running("a")
    assert [status for status, *_ in await fires(house)] == ["submitted", "waiting", "waiting"]
    house.steer.release("a")
    await house.until(lambda: house.rows("SELECT max(id) FROM job") == [(4,)], "those that waited started")
    await house.until(
        lambda: house.rows("SELECT count(*) FROM job WHERE status = 'succeeded'") == [(3,)], "all ended"
    )
    assert [status for status, *_ in await fires(house)] == ["submitted"] * 3


async def test_a_fire_replaces_the_job_of_an_earlier_one(house: House) -> None:
    await house.control.schedules.add(every(house, BLOCK, overlap=Overlap.REPLACE))
    house.clock.advance(ms=HOUR)
    await house.running("a")
    house.clock.advance(ms=HOUR)
    await house.until(lambda: house.job_status(2) == "cancelled", "the first job was cancelled")
    await house.until(lambda: house.rows("SELECT max(id) FROM job") == [(3,)], "the second one started")
    assert (await house.control.job(2)).reason == "a later fire of its schedule replaces it"


async def test_a_paused_schedule_rests_and_a_drain_fires_nothing(house: House) -> None:
    schedules = house.control.schedules
    await schedules.add(every(house))
    await schedules.switch("nightly", Switch.PAUSE, reason="holidays", actor="kim")
    house.clock.advance(ms=2 * HOUR)
    await house.settle()
    assert await fires(house) == []
    await schedules.switch("nightly", Switch.RESUME)
    assert await fires(house) == [("skipped", 2, 2)]
    house.engine.stop(StopMode.DRAIN)
    house.clock.advance(ms=HOUR)
    await house.settle()
    assert [fire for fire in await fires(house) if fire[0] == "submitted"] == []


async def test_an_operator_triggers_skips_and_fills_in(house: House) -> None:
    schedules = house.control.schedules
    await schedules.add(every(house))
    fired = await schedules.trigger("nightly", actor="kim")
    assert (fired.status, fired.job_id) == (FireStatus.SUBMITTED, 2)
    assert " as kim " in (await house.control.job(2)).actor
    await house.ended(2)
    await schedules.switch("nightly", Switch.SKIP, reason="no need", actor="kim")
    assert (await schedules.one("nightly")).due_at == await begin(house) + 2 * HOUR
    house.clock.advance(ms=2 * HOUR)
    await house.until(lambda: house.rows("SELECT max(id) FROM job") == [(3,)], "the second time fired")
    await house.ended(3)
    start = await begin(house) - 3 * HOUR
    told = await schedules.backfill("nightly", start, start + 9 * HOUR, effect=Effect.NONE)
    # The one that was skipped.
    assert (len(told.times), told.done) == (1, False)


async def test_a_schedule_that_is_changed_after_a_skip_fires_before_the_time_that_was_skipped(
    house: House,
) -> None:
    schedules = house.control.schedules
    await schedules.add(every(house, ms=30 * HOUR))
    await schedules.switch("nightly", Switch.SKIP)
    await schedules.edit(every(house))
    house.clock.advance(ms=HOUR)
    await until_fired(house, 2)
    assert [(status, at) for status, _, at in await fires(house)] == [("submitted", 1), ("skipped", 30)]


async def test_a_time_that_was_skipped_is_next_no_more_whatever_follows(house: House) -> None:
    schedules = house.control.schedules
    rare, start = every(house, ms=100 * HOUR), house.clock.wall
    await schedules.add(rare)
    for number in (2, 3):
        # More than a day ahead: the schedule is looked at as one whose clock was put back.
        await schedules.switch("nightly", Switch.SKIP)
        await house.settle()
        assert (await schedules.one("nightly")).due_at == start + number * 100 * HOUR
    await schedules.switch("nightly", Switch.PAUSE)
    await schedules.switch("nightly", Switch.RESUME)
    assert (await schedules.one("nightly")).due_at == start + 300 * HOUR
    await schedules.edit(replace(rare, policy=FirePolicy(overlap=Overlap.ALLOW)))
    assert (await schedules.one("nightly")).due_at == start + 300 * HOUR
    house.clock.advance(ms=300 * HOUR)
    await until_fired(house, 3)
    assert await fires(house) == [("skipped", 1, 100), ("skipped", 1, 200), ("submitted", 1, 300)]


async def test_times_are_filled_in_one_after_the_other(house: House) -> None:
    schedules, now = house.control.schedules, house.clock.wall
    timing = Timing(cron="0 * * * *", zone="UTC")
    await schedules.add(replace(every(house, BLOCK), timing=timing))
    done = await schedules.backfill("nightly", now - 3 * HOUR, now)
    assert len(done.times) == 3
    await house.running("a")
    assert house.rows("SELECT count(*) FROM job WHERE id > 1") == [(1,)]
    house.steer.release("a")
    await house.until(
        lambda: house.rows("SELECT count(*) FROM job WHERE status = 'succeeded'") == [(3,)], "all ended"
    )
    again = await schedules.backfill("nightly", now - 3 * HOUR, now)
    assert (again.times, again.left_out) == ((), 3)
    with pytest.raises(Invalid, match="more than 1,000"):
        await schedules.backfill("nightly", now - 2_000 * HOUR, now)


async def test_a_workflow_that_became_invalid_fails_its_fires_by_name(house: House) -> None:
    file = house.paths.home / "flow.yaml"
    file.write_text(SUCCEED)
    schedule = every(house)
    await house.control.schedules.add(replace(schedule, work=Work(path=str(file))))
    file.write_text("name: nightly\ntasks: [{key: a, uses: nothing}]\n")
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    (fire,) = (await house.control.schedules.fires("nightly")).rows
    assert fire.status is FireStatus.FAILED
    assert "nothing" in fire.reason
    file.write_text(SUCCEED)
    house.clock.advance(ms=HOUR)
    await until_fired(house, 2)
    assert [status for status, *_ in await fires(house)] == ["failed", "submitted"]


async def test_what_cannot_fire_is_refused_at_once(house: House) -> None:
    schedules = house.control.schedules
    with pytest.raises(InvalidDocument):
        await schedules.add(every(house, "name: x\ntasks: [{key: a, uses: nothing}]\n"))
    with pytest.raises(Invalid, match="cron"):
        await schedules.add(replace(every(house), timing=Timing(cron="61 * * * *")))
    for call in (schedules.one, schedules.trigger, lambda name: schedules.switch(name, Switch.REMOVE)):
        with pytest.raises(NotFound, match="not a schedule"):
            await call("nightly")
    await schedules.add(every(house))
    with pytest.raises(Conflict, match="already"):
        await schedules.add(every(house))
    edited = await schedules.edit(every(house, ms=2 * HOUR))
    assert edited.changed == 1
    house.clock.advance(ms=HOUR)
    await house.settle()
    assert await fires(house) == []
    await schedules.switch("nightly", Switch.REMOVE)
    assert await schedules.all() == ()


async def test_two_engines_in_the_middle_of_a_fire_submit_once(house: House) -> None:
    await house.control.schedules.add(every(house))
    first = house.engine
    second = await house.open()
    house.clock.advance(ms=HOUR)
    await until_fired(house, 1)
    await house.settle(second)
    assert house.rows("SELECT count(*) FROM job WHERE id > 1") == [(1,)]
    await house.until(lambda: first.failure is not None, "the first engine sees that it lost the store")


async def test_a_schedule_without_success_in_time_is_told_once_and_no_set_clock_makes_it_silent(
    house: House,
) -> None:
    def told() -> list[str]:
        kinds = house.rows("SELECT kind FROM event WHERE kind GLOB 'expectation.*' ORDER BY id")
        return [kind.removeprefix("expectation.") for (kind,) in kinds]

    schedule = every(house, SUCCEED.replace("succeed", "fail"), ms=20_000 * HOUR, expect_ms=25 * HOUR)
    await house.control.schedules.add(schedule)
    await house.settle()
    house.clock.set_wall(400 * 24 * HOUR)
    await house.settle()
    house.clock.set_wall(-400 * 24 * HOUR)
    await house.settle()
    house.clock.advance(ms=25 * HOUR - 1)
    await house.settle()
    assert told() == ["set"]
    house.clock.advance(ms=1)
    await house.until(lambda: told() == ["set", "missed"], "the silence is told")
    await house.stop()
    house.clock.advance(ms=25 * HOUR)
    await house.open()
    await house.settle()
    assert told() == ["set", "missed"]
    good = replace(schedule, work=replace(schedule.work, text=SUCCEED))
    await house.control.schedules.edit(good)
    await house.control.schedules.trigger("nightly")
    await house.until(lambda: told() == ["set", "missed", "met"], "the success ends the silence")
    await house.stop()
    house.clock.advance(ms=26 * HOUR)
    await house.open()
    await house.until(lambda: told()[3:] == ["missed"], "a new engine tells of what it finds")


async def test_a_schedule_of_a_registered_workflow_submits_the_version_that_is_current_then(
    house: House,
) -> None:
    verbs = house.control.workflows
    await verbs.add(AddWorkflow(text=SUCCEED, source="nightly.yaml"))
    schedule = replace(every(house), work=Work(workflow="nightly", source="nightly"))
    await house.control.schedules.add(schedule)
    await verbs.add(AddWorkflow(text=SUCCEED.replace("key: a", "key: b"), source="nightly.yaml"))
    fired = await house.control.schedules.trigger("nightly")
    assert fired.job_id is not None
    await house.ended(fired.job_id)
    assert house.rows("SELECT key FROM task") == [("b",)]
    await verbs.remove("nightly")
    with pytest.raises(NotFound) as refused:
        await house.control.schedules.trigger("nightly")
    assert refused.value.code == "workflow.unknown"
    house.clock.advance(hours=1)
    await until_fired(house, 2)
    (last,) = (await house.control.schedules.fires("nightly")).rows[:1]
    assert (last.status, "no workflow is registered as" in last.reason) == (FireStatus.FAILED, True)


class _Refusing:
    """A planner whose store cannot be read."""

    def __init__(self) -> None:
        self.refusals = 0

    async def plan_fire(self, schedule: Schedule, at: int) -> Submit:
        self.refusals += 1
        raise Unavailable("store.busy", "the store is busy")


async def test_a_fire_whose_workflow_cannot_be_read_at_present_is_not_lost(house: House) -> None:
    await house.control.schedules.add(every(house))
    loop, refusing = house.engine.schedules, _Refusing()
    planner, loop._planner = loop._planner, refusing
    house.clock.advance(ms=HOUR)
    await house.until(lambda: refusing.refusals and not loop._is_looking, "the fire was refused")
    assert await fires(house) == []
    loop._planner = planner
    house.clock.advance(ms=MINUTE)
    await until_fired(house, 1)
    assert await fires(house) == [("submitted", 1, 1)]
