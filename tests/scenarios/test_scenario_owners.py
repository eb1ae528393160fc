"""One owner of a home at a time; the next takes over."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import core
from core.model.errors import Unavailable
from tests.support.aftermath import attempts, effect, effects, finish, rows
from tests.support.engine_process import start_engine
from tests.support.waiting import until_now


async def test_a_stop_leaves_children_running_and_the_next_engine_adopts_them(tmp_path: Path):
    home, folder = tmp_path / "home", tmp_path / "effects"
    folder.mkdir()
    text = 'until test -e "$EFFECTS/run.flag"; do sleep 0.02; done; echo told'
    document = {"name": "stay", "tasks": [effect("a", folder, text)]}
    engine = start_engine(home, [document], hold=True)
    until_now((folder / "a").exists, "the child runs")
    engine.process.terminate()
    assert engine.wait() == 0
    assert engine.lines("stopped")
    job = engine.acknowledged()["w0"]
    assert attempts(home, job, "a") == ["running"]
    (folder / "run.flag").touch()
    assert (await finish(home, [document]))["w0"].status == "succeeded"
    assert attempts(home, job, "a") == ["succeeded"]
    assert effects(folder)["a"] == 1


async def test_of_several_processes_that_race_for_a_home_one_hosts(tmp_path: Path):
    home = tmp_path / "home"
    racers = [start_engine(home, [], hold=True) for _ in range(3)]
    until_now(
        lambda: sum(racer.ready or bool(racer.lines("refused")) for racer in racers) == 3, "all have tried"
    )
    winners = [racer for racer in racers if racer.ready]
    assert len(winners) == 1
    losers = [racer for racer in racers if racer not in winners]
    assert [loser.lines("refused") for loser in losers] == [[["engine.running"]]] * 2
    assert [loser.wait() for loser in losers] == [4, 4]
    winners[0].process.send_signal(signal.SIGTERM)
    assert winners[0].wait() == 0
    assert rows(home, "SELECT epoch FROM engine") == [(1,)]


async def test_a_home_is_free_as_soon_as_its_owner_is_killed_whatever_children_live(tmp_path: Path):
    home, folder = tmp_path / "home", tmp_path / "effects"
    folder.mkdir()
    engine = start_engine(home, [{"name": "stay", "tasks": [effect("a", folder, "sleep 1")]}], hold=True)
    until_now((folder / "a").exists, "the child runs")
    engine.kill()
    async with core.open_engine(home=home, slots=1) as deck:
        assert (await deck.control.status()).pid == os.getpid()
        assert (await deck.wait_job(engine.acknowledged()["w0"])).status == "succeeded"


async def test_a_second_engine_of_the_same_process_is_refused(tmp_path: Path):
    async with core.open_engine(home=tmp_path, slots=1):
        with pytest.raises(Unavailable) as caught:
            async with core.open_engine(home=tmp_path, slots=1):
                pass
        assert caught.value.code == "engine.running"
    async with core.open_engine(home=tmp_path, slots=1):
        pass
