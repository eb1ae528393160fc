"""Orphans outlive engines; the next engine finds and ends them on request."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

import core
from core import host
from core.control.api import ControlAPI, Target
from core.model.orphans import OrphanView
from tests.support.aftermath import attempts, effect, effects, rows, states
from tests.support.engine_process import EngineProcess, start_engine
from tests.support.waiting import DEADLINE, until, until_now, within


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder in which each run of a task leaves a line."""
    made = tmp_path / "effects"
    made.mkdir()
    return made


def orphan_by_killing_all(home: Path, folder: Path) -> tuple[EngineProcess, int]:
    """Kill an engine and the wrapper of its child; return it, and the task."""
    text = 'test "$(grep -c run "$EFFECTS/a")" -gt 1 && exit 0; exec sleep 300'
    document = {"name": "orphan", "tasks": [effect("a", folder, text, on_loss="ask")]}
    engine = start_engine(home, [document], hold=True)
    until_now((folder / "a").exists, "the child runs")
    engine.kill()
    ((task_id,),) = rows(home, "SELECT id FROM task WHERE key = 'a'")
    os.kill(int((home / "output" / str(task_id) / "1" / "pid").read_text().split()[0]), signal.SIGKILL)
    return engine, task_id


async def found(control: ControlAPI) -> OrphanView:
    """Return the one orphan as soon as its command is what it will be."""
    async with asyncio.timeout(DEADLINE):
        while True:
            views = await control.orphans.all()
            if views and views[0].commands == ("sleep 300",):
                return views[0]


async def test_the_next_engine_finds_an_orphan_again_and_ends_it_when_asked(tmp_path: Path, folder: Path):
    home = tmp_path / "home"
    former, task_id = orphan_by_killing_all(home, folder)
    job = former.acknowledged()["w0"]
    async with core.open_engine(home=home) as deck:
        view = await found(deck.control)
        assert (view.task_id, view.job_id, view.key, view.epoch) == (task_id, job, "a", 1)
        target = Target(task_ids=(task_id,))
        killing = deck.control.orphans.kill(target, reason="night shift", actor="anna")
        done = await within(killing, "the kill is answered")
        assert (done.changed, done.refused) == (1, ())
        assert host.find_process(view.pids[0]) is None
        assert states(home, job) == {"a": "held"}
        assert attempts(home, job, "a") == ["lost"]
        ((data,),) = rows(home, "SELECT data FROM event WHERE kind = 'attempt.lost'")
        assert f"killed by {host.effective_user()} as anna (api): night shift" in data
    assert effects(folder)["a"] == 1


async def test_two_engines_killed_one_after_the_other_leave_the_same_orphan_to_the_third(
    tmp_path: Path, folder: Path
):
    home = tmp_path / "home"
    former, task_id = orphan_by_killing_all(home, folder)
    job = former.acknowledged()["w0"]
    second = start_engine(home, [], hold=True)
    until_now(lambda: "ready" in second.log.read_text(), "the second engine took it up")
    assert states(home, job) == {"a": "running"}
    second.kill()
    async with core.open_engine(home=home) as deck:
        assert (await deck.control.status()).running == 1, "it keeps its slot"
        (pid,) = [one.pid for one in host.processes() if _sleeps_for(one, home)]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: states(home, job) == {"a": "held"}, "its end is seen")
        unheld = await deck.control.unhold(Target(task_ids=(task_id,)))
        assert unheld.changed == 1
        assert (await within(deck.wait_job(job), "it runs again and ends")).status == "succeeded"
    assert attempts(home, job, "a") == ["lost", "succeeded"]
    assert effects(folder)["a"] == 2


def _sleeps_for(process: host.Process, home: Path) -> bool:
    try:
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    return os.fsencode(home) in environ and host.command_line(process) == "sleep 300"
