"""health as a command, with an engine and without."""

from __future__ import annotations

import json

from tests.cli.cli_stage import Deck
from tests.support.homes import Home
from tests.support.waiting import until_now

CONFIG = """
[backends.gone]
match = {connector = "http"}
check = {tcp = "127.0.0.1:1", fall = 1}
[backends.here]
match = {connector = "delay"}
check = {command = ["true"]}
"""
"""Nothing takes connections at port 1."""


def test_without_an_engine_the_store_and_this_machine_tell_what_they_can(quiet: Deck) -> None:
    ended = quiet("health")
    assert "no engine is running" in ended.out
    told = {line[10:].split()[0] for line in ended.out.splitlines() if line[:1] != " "}
    assert {"engine", "backend", "disk", "memory", "store"} <= told
    (shape,) = quiet("health", "--json").objects
    assert (shape["exit"], shape["engine"]) == (ended.status, "none")
    assert quiet("backends", "look", "here").err.startswith("error[engine.none]")


def test_a_backend_that_is_down_is_critical_and_looked_at_by_hand(place: Home) -> None:
    assert place.run("exec", "--", "true").returncode == 0
    looked = place.run("backends", "look", "gone")
    assert (looked.returncode, looked.stdout) == (1, "gone: no answer: connection refused\n")
    assert json.loads(place.run("backends", "look", "here", "--json").stdout)["answered"]
    until_now(lambda: place.rows("SELECT 1 FROM check_change WHERE status = 'down'"), "the backend is down")
    ended = place.run("health")
    assert ended.returncode == 2
    assert ended.stdout.startswith("critical  backend gone  down: connection refused")
    assert "did you mean `here`" in place.run("backends", "look", "her").stderr
