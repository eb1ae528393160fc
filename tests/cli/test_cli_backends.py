"""backends as commands, with an engine and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from core.cli.completion import Line, candidates
from tests.cli.cli_stage import HOSTILE, VISIBLE, Deck, one
from tests.pages.completion_table import completion_table
from tests.support.homes import Home

CONFIG = """
[backends.model-api]
match = {host = "api.example.org"}
breaker = {failures = 3, period = "2m", rest = "10s"}
retry_share = 0.1

[backends.steps]
match = {connector = "delay"}
"""


class Refuses(BaseHTTPRequestHandler):
    """Answers that it takes no more for ten minutes."""

    def do_GET(self) -> None:
        self.send_response(429)
        self.send_header("Retry-After", "600")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[int]:
    """Return the port of a server that refuses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_backend_is_opened_closed_and_reset_and_says_who_and_why(quiet: Deck) -> None:
    opened = quiet("backends", "open", "model-api", "--reason", "unpaid", "--as", "ana")
    assert opened.out.startswith("model-api: open until it is closed, by ")
    assert ("as ana (cli): unpaid" in opened.out, "no engine is running" in opened.err) == (True, True)
    again = quiet("backends", "open", "model-api")
    assert (again.status, again.out.startswith("nothing changed: model-api: open")) == (0, True)
    shape = one(quiet, "backends", "model-api")
    assert (shape["state"], shape["until"], shape["shut"]["reason"]) == ("open", None, "unpaid")
    assert shape["breaker"] == {"failures": 3, "period": "2m", "rest": "10s"}
    assert (shape["match"], shape["retry_share"]) == ({"host": "api.example.org"}, 0.1)
    assert (shape["failing"], shape["probe"], shape["waiting"]) == ({}, None, 0)
    assert quiet("backends", "reset", "model-api").out.startswith("model-api: tried out, by ")
    assert quiet("backends", "close", "model-api", "--reason", "paid").out == "model-api: closed\n"
    assert quiet("backends", "close", "model-api").out == "nothing changed: model-api: closed\n"
    timed = quiet("backends", "open", "model-api", "--for", "30m")
    assert timed.out.startswith("model-api: open until 2")
    assert one(quiet, "backends", "model-api")["until"] is not None
    kinds = [
        event["kind"] for event in quiet("events", "--json").objects if event["kind"].startswith("backend")
    ]
    assert kinds == ["backend.opened", "backend.reset", "backend.closed", "backend.opened"]


def test_backends_are_listed_with_what_they_serve(quiet: Deck) -> None:
    ended = quiet("backends")
    titles, api, steps = ended.out.splitlines()
    known = "BACKEND STATE CHECK UNTIL WAITING FAILURES PROBE RETRIES SERVES WHY"
    assert titles.split() == known.split(" ")
    assert api.split() == ["model-api", "closed", "0", "10%", "host", "api.example.org"]
    assert steps.split() == ["steps", "closed", "0", "20%", "connector", "delay"]
    assert [shape["name"] for shape in quiet("backends", "--json").objects] == ["model-api", "steps"]


def test_hostile_reasons_are_shown_as_glyphs(quiet: Deck) -> None:
    quiet("backends", "open", "steps", "--reason", HOSTILE)
    for words in (("backends",), ("limits", "backend:steps")):
        out = quiet(*words).out
        assert (VISIBLE in out, "\x1b" in out) == (True, False)


def test_a_store_without_backends_says_how_to_make_one(deck: Deck, home: Path) -> None:
    assert deck("budgets", "unfreeze").status == 0
    ended = deck("backends")
    assert (ended.status, ended.out) == (0, "")
    assert "config.toml takes them as [backends.NAME]" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backends", "model"), "did you mean `model-api`?"),
        (("backends", "opn", "model-api"), "did you mean `open`?"),
        (("backends", "open", "modl-api"), "did you mean `model-api`?"),
        (("backends", "--json", "close", "steps"), "a verb stands before all options"),
        (("backends", "open", "steps", "--for", "0s"), "error[task.for_ms]"),
        (("backends", "reset"), "see: taskdeck backends reset --help"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_may_have_been_meant(
    quiet: Deck, words: tuple[str, ...], said: str
) -> None:
    ended = quiet(*words)
    assert (ended.status > 0, said in ended.err, ended.out) == (True, True, ""), ended.err


def test_a_host_that_refused_is_listed_and_let_through_by_hand(
    place: Home, write: Callable[[str, object], str], refusing: int
) -> None:
    calls = [
        {"key": f"c{n}", "uses": "http", "with": {"url": f"http://127.0.0.1:{refusing}/"}} for n in range(3)
    ]
    job = {"name": "calls", "on_task_failure": "finish", "tasks": calls}
    assert place.run("run", "--detach", write("job.json", job)).returncode == 0
    place.waits_for("SELECT count(*) FROM event WHERE kind = 'backend.shut'", (1,))
    shapes = [json.loads(line) for line in place.run("backends", "--json").stdout.splitlines()]
    (host,) = [shape for shape in shapes if shape["match"] is None]
    assert (host["state"], host["until"] is not None, host["breaker"]) == ("shut", True, None)
    assert host["shut"]["reason"].startswith("the server answered 429")
    name = host["name"]
    closed = place.run("backends", "close", name, "--reason", "try again")
    assert closed.returncode == 0, closed.stderr
    # What it lets through is refused again, which may come before the answer.
    assert closed.stdout.startswith((f"{name}: closed\n", f"{name}: shut until ")), closed.stdout
    asked = "SELECT data->>'reason' FROM event WHERE kind = 'backend.closed' AND task_id IS NULL"
    place.waits_for(asked, ("try again",))
    place.waits_for("SELECT count(*) FROM event WHERE kind = 'backend.shut'", (2,))


def offered(home: Path, *words: str) -> list[str]:
    """Return the words that a shell is offered for a line; the last is the one at the cursor."""
    line = Line(words=("--home", str(home), *words[:-1]), incomplete=words[-1])
    return [word for word, _ in candidates(line, json.loads(completion_table()))]


def test_names_of_backends_are_completed(quiet: Deck, home: Path) -> None:
    assert offered(home, "backends", "") == ["list", "look", "open", "close", "reset"]
    assert offered(home, "backends", "open", "--reason", "late", "m") == ["model-api"]
    assert "--for" in offered(home, "backends", "open", "--")


def test_of_limits_only_those_are_offered_that_can_be_set(deck: Deck, home: Path) -> None:
    home.mkdir(mode=0o700)
    limits = '[limits.db]\nkind = "concurrency"\nmax = 3\n[budgets.team]\nunit = "usd"\nmax = 1\n'
    (home / "config.toml").write_text(CONFIG + limits)
    assert deck("budgets", "unfreeze").status == 0
    listed = [shape["name"] for shape in deck("limits", "--json").objects]
    assert {"backend:model-api", "retry:model-api"} < set(listed)
    for verb in ("set", "reset"):
        assert offered(home, "limits", verb, "") == ["db"]
        assert offered(home, "limits", verb, "retry") == []
    assert offered(home, "budgets", "set", "") == ["team"]
    for name in set(listed) - {"db"}:
        assert deck("limits", "set", name, "4").status != 0, name
