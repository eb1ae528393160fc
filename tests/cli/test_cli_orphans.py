"""orphans: list with evidence, plan, kill, requeue, fail."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.host import find_process
from tests.cli.cli_stage import Deck
from tests.support.homes import Home
from tests.support.waiting import until_now


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


@pytest.fixture
def orphan(place: Home, tmp_path: Path) -> int:
    """Return the task of a living orphan: its wrapper is dead, its process goes on."""
    script = f"echo $$ > {tmp_path}/child; exec sleep 300"
    task = {"key": "a", "uses": "shell", "on_loss": "ask", "with": {"script": script}}
    (tmp_path / "flow.json").write_text(json.dumps({"name": "flow", "tasks": [task]}))
    place.start("serve")
    place.has_engine()
    assert place.run("run", str(tmp_path / "flow.json"), "--detach").returncode == 0
    ((task_id,),) = place.rows("SELECT id FROM task WHERE key = 'a'")
    assert isinstance(task_id, int)
    lose_wrapper(place, task_id, epoch=1)
    return task_id


def lose_wrapper(place: Home, task_id: int, *, epoch: int) -> None:
    """Kill the wrapper of an attempt as soon as its command runs."""
    child, pid = place.path.parent / "child", place.path / f"output/{task_id}/{epoch}/pid"
    until_now(lambda: child.exists() and child.read_text().strip() and pid.exists(), "the command runs")
    os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)
    child.unlink()
    until_now(lambda: [row["kind"] for row in listed(place)] == ["living"], "it is an orphan")


def listed(place: Home) -> list[dict]:
    return [json.loads(line) for line in place.run("orphans", "--json").stdout.splitlines()]


def test_an_orphan_is_listed_killed_requeued_and_given_up(place: Home, orphan: int) -> None:
    (row,) = listed(place)
    assert (row["task"], row["attempt"], row["commands"], row["cures"]) == (
        orphan,
        1,
        ["sleep 300"],
        ["kill"],
    )
    (pid,) = row["pids"]
    plan = place.run("orphans", "--plan").stdout
    assert f"living  task {orphan}  2/a  attempt 1: " in plan
    assert f"{pid}  sleep 300" in plan
    assert "kill would act on 1: taskdeck orphans --apply kill --reason ...\n" in plan
    assert find_process(pid)
    wrong = place.run("orphans", "--apply", "requeue", "--task", str(orphan))
    assert (wrong.returncode, wrong.stderr) == (
        2,
        f"  {orphan}: requeue does not fit a living orphan (it takes: kill)\n",
    )
    killed = place.run("orphans", "--apply", "kill", "--reason", "stuck", "--json")
    answer = json.loads(killed.stdout)
    assert (answer["changed"], answer["refused"]) == (1, [])
    assert not find_process(pid)
    assert [(row["kind"], row["cures"]) for row in listed(place)] == [("lost", ["requeue", "fail"])]
    assert place.run("orphans", "--apply", "requeue").stdout == "requeue: changed 1\n"
    lose_wrapper(place, orphan, epoch=2)
    assert place.run("orphans", "--apply", "kill", "--reason", "again").returncode == 0
    assert place.run("orphans", "--apply", "fail", "--reason", "enough").stdout == "fail: changed 1\n"
    place.waits_for("SELECT status FROM task WHERE key = 'a'", ("failed",))
    assert listed(place) == []


def test_who_is_no_orphan_is_refused_and_nothing_is_done(home: Path, deck: Deck) -> None:
    done = deck("orphans", "--apply", "kill", "--reason", "x", "--task", "77")
    assert done.status == 2
    assert "  77: not an orphan, or no longer ('taskdeck orphans' lists them)\n" in done.err
    assert "no engine runs: only a running engine sees living processes" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plan", "--apply", "kill", "--reason", "x"], "choose one"),
        (["--apply", "kill"], "needs a --reason"),
        (["--apply", "fail", "--reason", " "], "needs a --reason"),
        (["--reason", "x"], "--reason is only for"),
        (["--apply", "requeue", "--reason", "x"], "--reason is only for"),
        (["--apply", "burn"], "burn"),
    ],
)
def test_words_that_do_not_go_together_are_usage_errors(
    home: Path, deck: Deck, words: list[str], said: str
) -> None:
    done = deck("orphans", *words)
    assert done.status == 2
    assert said in done.err
    assert not home.exists()
