"""How commands end an engine, and what its clients read then."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import core
from core.host import find_process
from core.model.errors import Unavailable
from tests.support.homes import Home
from tests.support.waiting import DEADLINE, until_now

ATTEMPTS = "SELECT status FROM attempt ORDER BY task_id"
Write = Callable[..., str]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a workflow of these tasks and return the path of its file."""

    def write(name: str, *tasks: dict[str, object]) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"name": name, "tasks": tasks}))
        return str(path)

    return write


def call(key: str) -> dict[str, object]:
    return {"key": key, "uses": "delay", "with": {"seconds": 600}}


def child(key: str, script: str) -> dict[str, object]:
    return {"key": key, "uses": "shell", "with": {"script": script}}


def serve(place: Home, grace: str = "10") -> int:
    place.start("serve", "--slots", "4", TASKDECK_STOP_GRACE=grace)
    return place.has_engine()


def stopping(place: Home) -> bool:
    async def state() -> str:
        async with core.connect(home=place.path) as deck:
            return (await deck.control.status()).state

    try:
        return asyncio.run(state()) != "serving"
    except Unavailable as error:
        return error.code == "engine.stopping"


def next_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr
    return process.stderr.readline().decode().rstrip("\n")


def test_a_stop_is_over_when_the_next_engine_may_start(place: Home, write: Write) -> None:
    engine = serve(place, grace="1")
    assert place.run("run", write("call", call("a")), "--detach").returncode == 0
    place.waits_for(ATTEMPTS, ("running",))
    stopped = place.run("stop")
    assert stopped.stdout == f"the engine (process {engine}) has stopped\n"
    assert not place.owned, "its calls had their grace, and it let go of its lock"
    assert place.rows(ATTEMPTS) == [("interrupted",)]


def test_a_kill_overtakes_a_stop_that_gives_calls_their_grace(place: Home, write: Write) -> None:
    engine = serve(place, grace="8")
    tasks = [call("a"), child("b", "exec sleep 600")]
    assert place.run("run", write("both", *tasks), "--detach").returncode == 0
    place.waits_for(ATTEMPTS, ("running",), ("running",))
    softer = place.start("stop")
    until_now(lambda: stopping(place), "the stop has begun")
    killed = place.run("stop", "--kill")
    assert (killed.returncode, killed.stderr) == (0, "")
    assert killed.stdout == f"the engine (process {engine}) has stopped\n"
    assert place.rows(ATTEMPTS) == [("interrupted",), ("interrupted",)]
    assert softer.wait(DEADLINE) == 0


def test_an_engine_whose_socket_was_replaced_is_stopped_by_its_process(place: Home) -> None:
    engine = serve(place)
    # In one step, and with a file that it leaves alone: it listens again where nothing is in the way.
    (place.path / "other").write_text("of another program")
    (place.path / "other").replace(place.path / "engine.sock")
    drained = place.run("stop", "--drain")
    assert drained.returncode == 4
    assert f"its process {engine} takes only a plain stop" in drained.stderr
    assert drained.stderr.endswith("hint: run 'taskdeck stop'\n")
    assert place.run("stop").stdout == f"the engine (process {engine}) has stopped\n"
    assert find_process(engine) is None


def test_who_comes_to_an_engine_that_drains_is_told_what_becomes_of_the_job(
    place: Home, write: Write, tmp_path: Path
) -> None:
    serve(place)
    gate = write("gate", child("a", f"until test -e {tmp_path}/open; do sleep 0.05; done"))
    assert place.run("run", gate, "--detach").returncode == 0
    place.waits_for(ATTEMPTS, ("running",))
    draining = place.start("stop", "--drain")
    assert next_line(draining).startswith("draining: ")
    late = place.start("run", gate)
    assert next_line(late) == "job 3 gate: 1 task"
    told = next_line(late)
    assert told.startswith("nothing is claimed: it drains: new work waits for the next engine")
    assert "taskdeck resume --engine" in told
    (tmp_path / "open").touch()
    said = late.communicate(timeout=DEADLINE)[1].decode()
    assert late.returncode == 4
    assert said == (
        "error[engine.lost]: the engine ended before job 3 did; the next engine continues it\n"
        "hint: continue: taskdeck wait 3\n"
    )
    assert draining.wait(DEADLINE) == 0
    loose = place.run("exec", "--", "true")
    assert loose.returncode == 0, "the next engine is one like any other"
