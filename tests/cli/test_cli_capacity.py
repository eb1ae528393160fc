"""pools, limits and budgets as commands, with an engine and without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.completion import Line, candidates
from tests.cli.cli_stage import Deck, one
from tests.pages.completion_table import completion_table
from tests.support.homes import Home
from tests.support.waiting import DEADLINE

CONFIG = """
[pools.default]
slots = 2
queues = ["default"]

[pools.gpu]
slots = 1
queues = ["gpu"]

[limits.db]
kind = "concurrency"
max = 3

[limits.api]
kind = "rate"
rate = "60/min"

[limits.mails]
kind = "quota"
max = 100
per = "day"

[budgets.team]
unit = "usd"
max = 2
per = "day"

[budgets.clients]
unit = "usd"
max = 1
on = {queue = "none"}

[backends.model-api]
match = {host = "api.example.org"}
"""


def drain(place: Home) -> subprocess.Popen[bytes]:
    """Start a drain, and return when it has said what runs."""
    process = place.start("pools", "drain", "gpu", "--reason", "new driver")
    assert process.stderr is not None
    assert process.stderr.readline() == b"1 task still running in gpu\n"
    return process


def test_a_pool_is_drained_until_nothing_runs_in_it(place: Home) -> None:
    go = place.path.parent / "go"
    script = f"until [ -e {go} ]; do sleep 0.02; done"
    assert place.run("exec", "--detach", "--queue", "gpu", "--", "sh", "-c", script).returncode == 0
    place.waits_for("SELECT status FROM task", ("running",))

    left = drain(place)
    left.send_signal(signal.SIGINT)
    out, err = left.communicate(timeout=DEADLINE)
    assert (left.returncode, out, b"left; gpu stays paused" in err) == (130, b"", True), err

    resumed = drain(place)
    assert place.run("pools", "resume", "gpu").stdout == "gpu: 1 of 1 slots taken\n"
    assert b"error[pool.resumed]" in resumed.communicate(timeout=DEADLINE)[1]
    assert resumed.returncode == 2

    waiting = drain(place)
    assert json.loads(place.run("pools", "gpu", "--json").stdout)["taken"] == 1
    go.touch()
    out, err = waiting.communicate(timeout=DEADLINE)
    assert (waiting.returncode, err) == (0, b"")
    assert out.startswith(b"gpu: 0 of 1 slots taken, paused by ")


def test_what_an_attempt_spent_whose_end_was_not_seen_is_reconciled(
    place: Home, write: Callable[[str, object], str]
) -> None:
    task = {
        "key": "long",
        "uses": "delay",
        "with": {"seconds": 600},
        "cost": {"usd": 0.3},
        "on_loss": "fail",
    }
    place.start("serve")
    engine = place.has_engine()
    assert place.run("run", "--detach", write("job.json", {"name": "lost", "tasks": [task]})).returncode == 0
    place.waits_for("SELECT status FROM task", ("running",))
    os.kill(engine, signal.SIGKILL)
    place.has_none()
    place.start("serve")
    place.has_engine()
    place.waits_for("SELECT status FROM task", ("failed",))
    unknown = json.loads(place.run("budgets", "team", "--json").stdout)
    assert (unknown["used"], unknown["unknown"], unknown["left"]) == ("0", "0.3", "1.7")
    young = place.run("budgets", "reconcile", "--older", "2h", "--as-estimated")
    assert (young.returncode, young.stdout) == (0, "nothing changed: nothing so old is unknown\n")
    done = place.run("budgets", "reconcile", "2/long", "--amount", "0.12", "--reason", "the bill")
    assert (done.returncode, done.stdout) == (0, "1 amount reconciled\n"), done.stderr
    known = json.loads(place.run("budgets", "team", "--json").stdout)
    assert (known["used"], known["unknown"], known["left"]) == ("0.12", "0", "1.88")
    listed = place.run("budgets", "entries", "team", "--json")
    entries = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(one["kind"], one["amount"], one["key"], one["attempt"]) for one in entries] == [
        ("reconciled", "0.12", "long", 1),
        ("unknown", "0.3", "long", 1),
    ]
    assert (entries[0]["reason"], entries[0]["released"]) == ("the bill", "0.3")
    cut = place.run("budgets", "entries", "team", "--limit", "1")
    assert cut.stdout.splitlines()[1].split()[3:7] == ["reconciled", "0.12", "usd", "2"]
    assert "showing the newest 1; all of them: --limit 0" in cut.stderr
    again = place.run("budgets", "reconcile", "--older", "0s", "--as-estimated")
    assert (again.returncode, again.stdout) == (0, "nothing changed: nothing so old is unknown\n")
    assert "error[amount.known]" in place.run("budgets", "reconcile", "2/long", "--as-estimated").stderr


def test_without_an_engine_changes_are_recorded_listed_and_taken_back(quiet: Deck) -> None:
    resized = quiet("pools", "resize", "gpu", "4", "--reason", "a second card")
    assert resized.out.startswith("gpu: 0 of 4 slots taken, configured 1, changed by ")
    assert "a second card" in resized.out
    assert "no engine is running" in resized.err
    same = quiet("pools", "resize", "gpu", "4")
    assert (same.status, same.out.startswith("nothing changed: gpu"), same.err) == (0, True, "")
    assert one(quiet, "pools", "gpu")["configured_slots"] == 1
    assert quiet("pools", "resize", "gpu", "+2").out.startswith("gpu: 0 of 6 slots taken")
    assert quiet("pools", "resize", "gpu", "-1").out.startswith("gpu: 0 of 5 slots taken")
    assert quiet("pools", "resize", "gpu", "+0").out.startswith("nothing changed: gpu")
    assert quiet("pools", "reset", "gpu").out == "gpu: 0 of 1 slots taken\n"

    assert quiet("limits", "set", "db", "6").out == "db: at most 6, configured 3\n"
    assert quiet("limits", "set", "db", "-1").out == "db: at most 5, configured 3\n"
    assert quiet("limits", "set", "api", "120/min").out == "api: at most 120/min, configured 60/min\n"
    assert quiet("limits", "set", "mails", "--window", "+50").out.startswith("mails: at most 150 until ")
    assert [line.split()[:5] for line in quiet("limits").out.splitlines()] == [
        ["LIMIT", "KIND", "USED", "LEFT", "MAX"],
        ["api", "rate", "0", "1", "120/min"],
        ["backend:model-api", "concurrency", "0", "0"],
        ["db", "concurrency", "0", "5", "5"],
        ["mails", "quota", "0", "150", "150"],
        ["retry:model-api", "retries", "0", "1", "20%"],
    ]
    assert quiet("limits", "reset", "db").out == "db: at most 3\n"


def test_budgets_are_raised_corrected_and_frozen_and_amounts_are_text_in_units(quiet: Deck) -> None:
    raised = quiet("budgets", "raise", "team", "0.5", "--window", "--reason", "the release")
    assert raised.out.startswith("team: at most 2.5 usd until ")
    assert quiet("budgets", "set", "clients", "3").out == "clients: at most 3 usd, configured 1\n"
    corrected = quiet("budgets", "correct", "team", "-0.02", "--reason", "refunded")
    assert corrected.out == "team: used corrected by -0.02\n"
    assert one(quiet, "budgets", "freeze", "--reason", "a loop")["changed"] == 1
    team = one(quiet, "budgets", "team")
    assert {key: team[key] for key in ("max", "configured_max", "used", "reserved", "unit", "key")} == {
        "max": "2.5",
        "configured_max": "2",
        "used": "-0.02",
        "reserved": "0",
        "unit": "usd",
        "key": "",
    }
    assert team["frozen"]["reason"] == "a loop"
    listed = quiet("budgets")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["BUDGET", "clients", "team"]
    assert "all spending is frozen since" in listed.err
    assert quiet("budgets", "unfreeze").out == "spending is not frozen\n"
    assert quiet("budgets", "reset", "team").out == "team: at most 2 usd, per day\n"


def test_the_word_list_may_be_left_out_and_options_may_stand_first(quiet: Deck, home: Path) -> None:
    listed = quiet("pools", "list", "--json").out
    assert quiet("pools", "--json").out == listed
    assert quiet("--json", "pools", "--home", str(home)).out == listed
    assert quiet("--home", str(home), "budgets", "set", "team", "3").status == 0
    assert "resize" in quiet("pools", "--help").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pools", "gpv"), "did you mean `gpu`?"),
        (("pools", "resise", "gpu", "4"), "did you mean `resize`?"),
        (("pools", "--as", "x"), "no such option '--as'"),
        (("budgets", "--json", "set", "team", "3"), "a verb stands before all options"),
        (("pools", "resize", "gpu", "-2"), "`slots` must be a whole number from 0 to 10000, not -1"),
        (("pools", "resize", "gpu", "10001"), "a whole number from 0 to 10000"),
        (("pools", "resize", "gpu", "more"), "or +1 or -1 to change what it has"),
        (("pools", "resize", "gpu"), "see: taskdeck pools resize --help"),
        (("pools", "pause", "gpv"), "did you mean `gpu`?"),
        (
            ("limits", "dv"),
            "limit `dv` does not exist; known: api, backend:model-api, db, mails, retry:model-api\n",
        ),
        (("limits", "team"), "'taskdeck budgets team' has one of that name"),
        (("budgets", "entries", "teem"), "did you mean `team`?"),
        (("budgets", "entries", "db"), "error[limit.unmetered]"),
        (("budgets", "entries", "team", "--key", "x"), "has no key `x`"),
        (("budgets", "teem"), "did you mean `team`?"),
        (("budgets", "raise", "teem", "5"), "did you mean `team`?"),
        (("budgets", "set", "team", "much"), "give an amount of usd"),
        (("limits", "set", "api", "3"), "60/min"),
        (("limits", "set", "backend:model-api", "5"), "taskdeck backends open model-api"),
        (("limits", "set", "pool:gpu", "5"), "taskdeck pools resize gpu 4"),
        (("limits", "set", "db", "5", "--window"), "has no window that turns"),
        (("limits", "set", "retry:model-api", "5"), "change `retry_share` in [backends.model-api]"),
        (("budgets", "raise", "team", "-5"), "raise takes an amount above 0"),
        (("budgets", "correct", "team", "-5"), "needs a --reason"),
        (("budgets", "correct", "team", "1", "--key", "x", "--reason", "r"), "has no key `x`"),
        (("budgets", "reconcile", "--as-estimated"), "name a task, or how old"),
        (("budgets", "reconcile", "7", "--older", "2h", "--as-estimated"), "name a task, or how old"),
        (("budgets", "reconcile", "7"), "--amount or --as-estimated"),
        (("budgets", "reconcile", "7", "--amount", "1", "--as-estimated"), "--amount or --as-estimated"),
        (("budgets", "reconcile", "7", "--as-estimated"), "task 7 does not exist"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_may_have_been_meant(
    quiet: Deck, words: tuple[str, ...], said: str
) -> None:
    ended = quiet(*words)
    assert (ended.status > 0, said in ended.err, ended.out) == (True, True, ""), ended.err


def test_names_are_completed_where_they_stand(quiet: Deck, home: Path) -> None:
    table = json.loads(completion_table())

    def offered(*words: str) -> list[str]:
        line = Line(words=("--home", str(home), *words[:-1]), incomplete=words[-1])
        return [word for word, _ in candidates(line, table)]

    assert offered("pools", "re") == ["resize", "resume", "reset"]
    assert offered("pools", "resize", "") == ["default", "gpu"]
    assert offered("pools", "resize", "gpu", "") == []
    assert offered("limits", "set", "--window", "") == ["api", "db", "mails"]
    assert offered("budgets", "raise", "--reason", "late", "t") == ["team"]
    assert "--json" in offered("budgets", "--")
