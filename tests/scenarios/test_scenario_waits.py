"""Tasks that wait for the world, while their engines are killed."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.model.actors import Door
from tests.support.actors import by
from tests.support.homes import Home
from tests.support.waiting import until_now

DEATHS = 7
KINDS = ("child", "early", "file", "human", "job", "poll", "signal", "wait")
ROUNDS = (("go", "other"), ("ann", "below"), ("bob", "go"), ("below", "bob"))
"""What is answered in each of the last lives of an engine; afterwards all of it once more."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.end()


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve the state of a render that is done once `done` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = "done" if made.done.is_set() else "busy"  # type: ignore[attr-defined]
            body = json.dumps({"state": state}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.done = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()


def document(home: Home, url: str) -> dict[str, object]:
    poll = {"until": "json.state == 'done'", "every": "1s", "tolerate": 100}
    waits = {
        "file": {"path": str(home.path / "come.csv")},
        "human": {"title": "May it?", "quorum": 2, "form": {"share": {"type": "integer"}}},
        "job": {"key": "other"},
        "signal": {"name": "go", "key": "7"},
        "wait": {"for": "1s"},
    }
    tasks = [{"key": kind, "uses": kind, "with": with_} for kind, with_ in waits.items()]
    tasks.append({"key": "early", "uses": "signal", "with": {"name": "go", "key": "early"}})
    below = {"file": str(home.path.parent / "below.json")}
    tasks.append({"key": "child", "uses": "workflow", "with": below})
    tasks.append({"key": "poll", "uses": "http", "with": {"url": url, "poll": poll}})
    last = {"key": "last", "uses": "delay", "needs": list(KINDS), "with": {"seconds": 0}}
    return {"name": "waits", "tasks": [*tasks, last]}


@pytest.mark.parametrize("point", ["journal.begun", "journal.applied", "journal.committed"])
def test_each_wait_is_answered_once_however_often_the_engine_is_killed(
    home: Home, server: ThreadingHTTPServer, point: str
) -> None:
    folder = home.path.parent
    url = f"http://127.0.0.1:{server.server_port}/"
    (folder / "waits.json").write_text(json.dumps(document(home, url)))
    other = {"name": "other", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]}
    (folder / "other.json").write_text(json.dumps(other))
    below = {"key": "a", "uses": "signal", "with": {"name": "go", "key": "below"}}
    (folder / "below.json").write_text(json.dumps({"name": "below", "tasks": [below]}))
    for _ in range(2):
        assert home.run("signal", "go", "--key", "early", "--id", "early").returncode == 0
    assert home.run("run", str(folder / "waits.json"), "--detach").returncode == 0
    kill(home)
    # Each death may be amid the first call of the poll.
    (home.path / "config.toml").write_text("max_losses = 100\n")
    for number in range(1, DEATHS + 1):
        crash = {"TASKDECK_CRASH": f"{point}:{number}"}
        home.start("serve", **crash)
        if number == 3:
            (home.path / "come.csv").write_text("x")
            server.done.set()  # type: ignore[attr-defined]
        for what in ROUNDS[number - 4] if number > 3 else ():
            # An engine that is not there is started, and dies the same way.
            answer(home, what, **crash)
        kill(home)
    home.start("serve")
    home.waits_for("SELECT count(*) FROM work_item", (1,))
    for what in ("go", "other", "ann", "below", "bob"):
        answer(home, what)
    assert home.run("wait", "2").returncode == 0
    told = dict(
        home.rows(
            "SELECT t.key, count(*) FROM event e JOIN task t ON t.id = e.task_id"
            " WHERE e.kind = 'task.succeeded' AND t.job_id = 2 GROUP BY t.key"
        )
    )
    assert told == dict.fromkeys((*KINDS, "last"), 1)
    assert home.rows("SELECT key FROM signal ORDER BY key") == [("7",), ("below",), ("early",)]
    assert home.rows("SELECT count(*) FROM awaited") == [(0,)]
    assert home.rows("SELECT status FROM job WHERE parent_task IS NOT NULL") == [("succeeded",)]
    answers = "SELECT kind, actor FROM event WHERE kind LIKE 'item.%' ORDER BY actor"
    assert home.rows(answers) == [("item.approved", by(one, Door.CLI)) for one in ("ann", "bob")]


def answer(home: Home, what: str, **crash: str) -> None:
    """Give an answer, which may have been given before; an engine that dies meanwhile refuses it."""
    item = [str(one) for (one,) in home.rows("SELECT id FROM work_item")]
    words = {
        "go": ("signal", "go", "--key", "7", "--id", "once"),
        "below": ("signal", "go", "--key", "below", "--id", "below"),
        "other": ("run", str(home.path.parent / "other.json"), "--detach", "--key", "other"),
        "ann": ("approve", *item, "--as", "ann", "--set", "share=5"),
        "bob": ("approve", *item, "--as", "bob"),
    }
    home.run(*words[what], **crash)


def kill(home: Home) -> None:
    """Kill the engine of a home, if it has not died by itself."""
    with suppress(ProcessLookupError, FileNotFoundError, ValueError):
        if home.owned and home.engine:
            until_now(lambda: not home.owned or (home.path / "engine.sock").exists(), "it listens or is dead")
            os.kill(home.engine, signal.SIGKILL)
    home.has_none()
