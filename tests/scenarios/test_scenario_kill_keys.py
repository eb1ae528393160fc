"""A task that ignores every request is killed by keys."""

from __future__ import annotations

import json
from pathlib import Path

from core import host
from core.model.actors import Door
from tests.support.actors import by
from tests.support.aftermath import effect
from tests.support.homes import Home
from tests.support.terminal import Terminal
from tests.support.waiting import until_now

STUBBORN = "trap '' TERM; echo $$ >\"$EFFECTS/pid\"; while :; do sleep 1; done"


def sees_line(terminal: Terminal, *texts: str) -> None:
    """Wait until one line of the picture holds all texts."""

    def there() -> bool:
        return any(all(text in line for text in texts) for line in terminal.picture().splitlines())

    terminal.until(there, f"no line with {texts}")


def test_a_kill_is_asked_for_by_its_key_reasoned_confirmed_and_seen(tmp_path: Path) -> None:
    home, folder = Home(tmp_path / "home"), tmp_path / "effects"
    folder.mkdir()
    document = tmp_path / "stuck.json"
    document.write_text(json.dumps({"name": "stuck", "tasks": [effect("endless", folder, STUBBORN)]}))
    try:
        # With this grace a cancel would outlast the test.
        home.start("serve", TASKDECK_CANCEL_GRACE="3600")
        home.has_engine()
        assert home.run("run", str(document), "--detach").returncode == 0
        told = folder / "pid"
        until_now(lambda: told.exists() and told.read_text().endswith("\n"), "the child runs")
        settings = {"TASKDECK_HOME": str(home.path), "PYTHONPATH": str(home.package)}
        with Terminal(home.argv(), size=(100, 30), environ=settings) as terminal:
            terminal.sees("slots 1/")
            terminal.press("3")
            sees_line(terminal, "endless", "● running")
            terminal.press("X")
            terminal.sees("Plan: kill 1 running task; nothing is done yet", "endless of job 2, attempt 1")
            terminal.press("it hangs", "enter")
            terminal.sees("Kill 1 running task? y applies it")
            terminal.press("enter", "X")
            terminal.sees("Kill 1 running task? y applies it")
            assert host.find_process(int(told.read_text())) is not None
            terminal.press("y")
            terminal.misses("Plan: kill")
            sees_line(terminal, "endless", "cancelled")
        assert host.find_process(int(told.read_text())) is None
        ((actor, data),) = home.rows("SELECT actor, data FROM event WHERE kind = 'task.stop_requested'")
        assert (actor, json.loads(str(data))) == (
            by(door=Door.CONSOLE),
            {"reason": "it hangs", "how": "kill"},
        )
    finally:
        home.end()
