"""A kill survives its engine: the next one ends the child."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import core
from core import host
from core.control.api import Force, Target
from core.model.errors import Unavailable
from tests.support.aftermath import attempts, effect, finish, rows
from tests.support.engine_process import start_engine
from tests.support.homes import Home
from tests.support.waiting import until_now, within

STUBBORN = "trap '' TERM; echo $$ >\"$EFFECTS/pid\"; while :; do sleep 1; done"


async def test_an_engine_that_dies_between_request_and_kill_is_carried_on_by_the_next(tmp_path: Path):
    home, folder = tmp_path / "home", tmp_path / "effects"
    folder.mkdir()
    document = {"name": "stuck", "tasks": [effect("a", folder, STUBBORN)]}
    engine = start_engine(home, [document], crash="runner.killing", hold=True)
    told = folder / "pid"
    until_now(lambda: told.exists() and told.read_text().endswith("\n"), "the child runs")
    pid = int(told.read_text())
    job = engine.acknowledged()["w0"]
    async with core.connect(home=home) as deck:
        with pytest.raises(Unavailable):
            request = deck.control.cancel(Target(job_id=job), reason="stuck", force=Force.KILL, actor="ann")
            await within(request, "the engine dies before it answers")
            await within(deck.wait_job(job), "the engine dies before the job ends")
    assert engine.wait() == -signal.SIGKILL, engine.log.read_text()
    assert host.find_process(pid) is not None, "nobody has killed it yet"
    asked = rows(home, "SELECT status, stop_by, stop_reason, stop_how FROM task WHERE job_id = ?", job)
    assert asked == [("running", f"{host.effective_user()} as ann (api)", "stuck", "kill")]
    result = (await finish(home, [document]))["w0"]
    assert (result.id, result.status, result.tasks) == (job, "cancelled", {"cancelled": 1})
    assert attempts(home, job, "a") == ["cancelled"]
    assert host.find_process(pid) is None


def test_a_cancel_now_ends_what_ignores_every_signal_and_says_so_in_its_history(tmp_path: Path):
    home = Home(tmp_path / "home")
    folder = tmp_path / "effects"
    folder.mkdir()
    try:
        home.start("serve", TASKDECK_CANCEL_GRACE="3600")
        home.has_engine()
        document = tmp_path / "stuck.json"
        document.write_text(json.dumps({"name": "stuck", "tasks": [effect("a", folder, STUBBORN)]}))
        assert home.run("run", str(document), "--detach").returncode == 0
        until_now((folder / "pid").exists, "the child runs")
        assert home.run("cancel", "2", "--reason", "please").returncode == 0
        ended = home.run("cancel", "2", "--now", "--reason", "it fills the disk")
        assert (ended.returncode, ended.stdout) == (0, "cancelled 1\n")
        home.waits_for("SELECT status FROM job WHERE id = 2", ("cancelled",))
        asked = home.rows("SELECT data FROM event WHERE kind = 'task.stop_requested' ORDER BY id")
        assert [json.loads(str(data)) for (data,) in asked] == [
            {"reason": "please", "verdict": "cancelled"},
            {"reason": "it fills the disk", "how": "kill"},
        ]
    finally:
        home.end()
