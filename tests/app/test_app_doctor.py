"""The doctor: looks at everything, changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import core
from core.app.doctor import Check, doctor
from core.app.hosting.lifetime import ClientControl
from core.app.options import Options
from core.model.errors import Unavailable
from tests.support.waiting import within


def names(report) -> dict[str, bool]:
    return {check.name: check.ok for check in report.checks}


async def test_a_home_without_a_store_is_well(tmp_path: Path) -> None:
    report = await doctor(Options(home=tmp_path / "none"))
    assert report.ok
    assert not (tmp_path / "none").exists()


async def test_a_store_that_worked_is_well_and_a_running_engine_is_seen(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=2) as deck:
        ids = await deck.enqueue_many([core.TaskSpec(uses="delay", with_={"seconds": 0})] * 5)
        assert await deck.wait_tasks(ids) == {"succeeded": 5}
        during = await doctor(Options(home=tmp_path))
    after = await doctor(Options(home=tmp_path))
    assert during.ok
    assert after.ok
    assert [check.message for check in during.checks if check.name == "engine"] == ["an engine runs"]
    assert [check.message for check in after.checks if check.name == "engine"] == ["no engine runs"]


async def test_a_queue_that_no_pool_drains_is_warned_of_while_something_waits_there(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[pools.cpu]\nslots = 1\nqueues = ["default"]\n')
    async with core.open_engine(home=tmp_path) as deck:
        await deck.enqueue(core.TaskSpec(uses="delay", with_={"seconds": 0}, queue="gpu"))
        await deck.wait_tasks([await deck.enqueue(core.TaskSpec(uses="delay", with_={"seconds": 0}))])
        during = await doctor(Options(home=tmp_path))
        pools = {queue.name: queue.pools_text for queue in await deck.control.queues()}
    assert during.ok
    (warned,) = [check for check in during.checks if check.name == "queue"]
    assert (warned.warning, warned.message.startswith("no pool drains `gpu`: 1 task waits there")) == (
        True,
        True,
    )
    assert pools == {"default": "cpu", "gpu": "none"}


async def test_a_row_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=2) as deck:
        await deck.wait_tasks([await deck.enqueue(core.TaskSpec(uses="delay", with_={"seconds": 0}))])
    with sqlite3.connect(tmp_path / "taskdeck.db") as db:
        db.execute("UPDATE task SET tries = 7")
    report = await doctor(Options(home=tmp_path))
    assert not report.ok


async def test_settings_and_modes_that_are_wrong_are_found(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=2):
        pass
    (tmp_path / "config.toml").write_text("slotts = 3\n")
    (tmp_path / "taskdeck.db").chmod(0o644)
    found = names(await doctor(Options(home=tmp_path)))
    assert not found["settings"]
    assert not found["privacy"]


async def test_a_stopping_engine_says_so_to_a_client_that_asks(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=1) as deck:
        engine = deck.control._operator_verbs._engine  # type: ignore[attr-defined]
        clients = ClientControl(engine)
        assert (await clients.status()).slots == 1
        assert clients.was_used
        engine.stop()
        with pytest.raises(Unavailable) as refused:
            await clients.status()
        assert refused.value.code == "engine.stopping"


async def _faults(home: Path) -> list[Check]:
    """Return the checks named `fault`, once there are any."""
    found: list[Check] = []
    while not found:
        found = [check for check in (await doctor(Options(home=home))).checks if check.name == "fault"]
    return found


async def test_it_warns_of_what_the_engine_has_set_aside(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=2) as deck:
        with closing(sqlite3.connect(tmp_path / "taskdeck.db", isolation_level=None)) as db:
            db.execute(
                "CREATE TRIGGER injected BEFORE UPDATE ON task WHEN NEW.status IN ('succeeded', 'failed')"
                " AND NEW.key = 'bad' BEGIN SELECT RAISE(ABORT, 'injected'); END"
            )
        specs = [core.TaskSpec(uses="delay", with_={"seconds": 0}, key=key) for key in ("bad", "good")]
        _, good = await deck.enqueue_many(specs)
        await deck.wait_tasks([good])
        (found,) = await within(_faults(tmp_path), "what was set aside is warned of")
    assert (found.ok, found.warning) == (True, True)
    assert "injected" in found.message
