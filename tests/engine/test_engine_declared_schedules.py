"""Schedules of config.toml, and those that operators changed."""

from __future__ import annotations

import pytest

from core.control.nouns.schedules import Switch
from core.model.errors import Conflict, InvalidDocument, NotFound
from core.model.records import replace
from core.model.timing.schedules import Timing
from tests.support.house import House
from tests.support.waiting import within

BASE = 'slots = 4\nsynchronous = "NORMAL"\n'
NIGHTLY = '[schedules.nightly]\ncron = "0 3 * * *"\ncommand = ["true"]\n'
EVENTS = "SELECT kind, actor, data->>'schedule' FROM event WHERE kind LIKE 'schedule.%' ORDER BY id"
BY_FILE = "config.toml"


async def read(house: House, text: str) -> None:
    house.paths.config.write_text(BASE + text)
    await within(house.control.configuration.reload(actor="ana"), "it is read again")


async def cron_of(house: House, name: str = "nightly") -> str | None:
    return (await house.control.schedules.one(name)).schedule.timing.cron


def told(house: House) -> list[tuple[str, str]]:
    return [(kind, actor) for kind, actor, _ in house.rows(EVENTS)]


async def test_a_schedule_is_added_changed_paused_and_there_again_as_the_file_says(house: House) -> None:
    await read(house, NIGHTLY)
    view = await house.control.schedules.one("nightly")
    assert (view.due_at is not None, view.schedule.work.cwd) == (True, str(house.paths.home))
    await read(house, NIGHTLY.replace("0 3", "0 4"))
    assert await cron_of(house) == "0 4 * * *"
    await read(house, "")
    paused = (await house.control.schedules.one("nightly")).paused
    assert (paused.by, paused.reason) == (BY_FILE, "it is not in config.toml any more")
    await read(house, NIGHTLY)
    assert (await house.control.schedules.one("nightly")).paused is None
    assert await cron_of(house) == "0 3 * * *"
    assert told(house) == [
        ("schedule.added", BY_FILE),
        ("schedule.edited", BY_FILE),
        ("schedule.paused", BY_FILE),
        ("schedule.edited", BY_FILE),
        ("schedule.resumed", BY_FILE),
    ]
    fired = await house.control.schedules.trigger("nightly")
    assert (await house.ended(fired.job_id)).status == "succeeded"
    # The next engine finds all as it is.
    await house.engine.configuration.bring_up()
    assert len(told(house)) == 5


async def test_what_an_operator_changed_stays_whatever_the_file_says(house: House) -> None:
    schedules = house.control.schedules
    await read(house, NIGHTLY + NIGHTLY.replace("nightly", "weekly") + NIGHTLY.replace("nightly", "gone"))
    edited = (await schedules.one("nightly")).schedule
    await schedules.edit(replace(edited, timing=Timing(cron="30 5 * * *")), actor="ana")
    await schedules.switch("weekly", Switch.PAUSE, reason="rest", actor="ana")
    await schedules.switch("gone", Switch.REMOVE, actor="ana")
    changed = NIGHTLY.replace("0 3", "0 4")
    await read(house, changed + changed.replace("nightly", "weekly") + NIGHTLY.replace("nightly", "gone"))
    assert await cron_of(house) == "30 5 * * *"
    assert await cron_of(house, "weekly") == "0 4 * * *"
    assert (await schedules.one("weekly")).paused.reason == "rest"
    assert {view.schedule.name for view in await schedules.all()} == {"nightly", "weekly"}
    await read(house, changed.replace("nightly", "gone"))
    assert await cron_of(house, "gone") == "0 4 * * *"


async def test_one_that_an_operator_added_under_the_name_is_kept(house: House) -> None:
    await read(house, NIGHTLY)
    mine = (await house.control.schedules.one("nightly")).schedule
    await house.control.schedules.add(
        replace(mine, name="weekly", timing=Timing(cron="0 6 * * 1")), actor="ana"
    )
    await read(house, NIGHTLY + NIGHTLY.replace("nightly", "weekly"))
    assert await cron_of(house, "weekly") == "0 6 * * 1"


async def test_a_time_that_cannot_be_read_is_named_by_its_line_and_nothing_is_taken(house: House) -> None:
    await read(house, NIGHTLY)
    before = house.rows("SELECT name, body, declared FROM schedule")
    bad = '[schedules.bad]\ncron = "61 * * * *"\ncommand = ["a"]\n'
    with pytest.raises(InvalidDocument) as caught:
        await read(house, f"max_losses = 9\n{NIGHTLY.replace('0 3', '0 4')}{bad}")
    (fault,) = caught.value.faults
    assert (fault.line, fault.path) == (8, "schedules.bad.cron")
    assert house.rows("SELECT name, body, declared FROM schedule") == before
    assert house.engine.settings.max_losses != 9


async def test_a_reset_takes_back_what_an_operator_changed_and_the_file_decides_again(house: House) -> None:
    schedules = house.control.schedules
    await read(house, NIGHTLY)
    edited = (await schedules.one("nightly")).schedule
    await schedules.edit(replace(edited, timing=Timing(cron="30 5 * * *")), actor="ana")
    await schedules.switch("nightly", Switch.PAUSE, reason="rest", actor="ana")
    assert (await schedules.switch("nightly", Switch.RESET, reason="over", actor="bob")).changed == 1
    assert await cron_of(house) == "0 3 * * *"
    view = await schedules.one("nightly")
    assert (view.paused, view.due_at is not None) == (None, True)
    assert [one for one in told(house) if "bob" in one[1]] == [
        ("schedule.edited", told(house)[-1][1]),
        ("schedule.resumed", told(house)[-1][1]),
    ]
    assert (await schedules.switch("nightly", Switch.RESET)).changed == 0
    await read(house, NIGHTLY.replace("0 3", "0 4"))
    assert await cron_of(house) == "0 4 * * *"


async def test_what_is_not_configured_has_nothing_to_be_reset_to(house: House) -> None:
    await read(house, NIGHTLY)
    mine = (await house.control.schedules.one("nightly")).schedule
    await house.control.schedules.add(replace(mine, name="weekly"), actor="ana")
    with pytest.raises(Conflict) as refused:
        await house.control.schedules.switch("weekly", Switch.RESET)
    assert refused.value.code == "schedule.undeclared"
    with pytest.raises(NotFound):
        await house.control.schedules.switch("none", Switch.RESET)
