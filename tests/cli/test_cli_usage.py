"""charge, usage and prices as commands, in tasks and after them."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.charge import SPENT
from tests.cli.cli_stage import Deck
from tests.support import commands
from tests.support.homes import Home
from tests.support.waiting import until_now

CONFIG = """
[budgets.team]
unit = "usd"
max = 1
per = "total"

[prices."gpt-x"]
input = 2.5
output = 10
per = 1_000_000

[[prices."gpt-y"]]
input = 1
output = 2
per = 1_000_000

[[prices."gpt-y"]]
input = 3
output = 4
per = 1_000_000
from = 2026-06-01
"""
CHARGE = f"PYTHONPATH={shlex.quote(str(commands.ROOT))} {shlex.join(commands.COMMAND)} charge"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    """Return a data directory with a budget of a dollar."""
    one = Home(tmp_path / "home")
    one.path.mkdir(mode=0o700)
    (one.path / "config.toml").write_text(CONFIG)
    yield one
    one.end()


@pytest.fixture
def configured(home: Path) -> Path:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(CONFIG)
    return home


@pytest.fixture
def task(configured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the usage file of a task in which command lines run; no engine does."""
    monkeypatch.setenv("TASKDECK_TASK", "7")
    monkeypatch.setenv("TASKDECK_EPOCH", "2")
    monkeypatch.setenv("TASKDECK_USAGE", str(configured / "said"))
    return configured / "said"


def test_a_loop_of_charges_ends_when_its_budget_is_spent_and_usage_tells_it(place: Home) -> None:
    loop = f'for n in 1 2 3 4; do {CHARGE} --usd 0.4 || {{ echo "ended by $?"; break; }}; done'
    tokens = f"{CHARGE} --json --model gpt-x --input-tokens 1000 --output-tokens 200"
    ran = place.run("exec", "-P", "ana", "--", "sh", "-c", f"{loop}; {tokens}; exit 0")
    assert ran.returncode == 0, ran.stderr
    *lines, answer = ran.stdout.splitlines()
    assert lines == [
        "team: 0.6 of 1 usd left",
        "team: 0.2 of 1 usd left",
        "team: 0 of 1 usd left, over by 0.2",
        f"ended by {SPENT}",
    ]
    said = json.loads(answer)
    assert said["spent"][1] == {
        "unit": "usd",
        "amount": "0.0045",
        "model": "gpt-x",
        "price": "2.5/10 usd per 1000000",
    }
    assert said["budgets"][0] == {
        "name": "team",
        "key": None,
        "unit": "usd",
        "left": "-0.2045",
        "max": "1",
        "spent": True,
    }
    with_engine = place.run("usage", "--by", "project", "--unit", "usd", "--json")
    assert place.run("stop").returncode == 0
    without = place.run("usage", "--by", "project", "--unit", "usd", "--json")
    assert with_engine.stdout == without.stdout
    assert json.loads(without.stdout) == {
        "project": "ana",
        "unit": "usd",
        "total": "1.2045",
        "reported": "1.2045",
        "estimated": "0",
        "corrected": "0",
        "unknown": "0",
        "entries": 4,
        "unpriced": 0,
    }
    table = place.run("usage", "--by", "model").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["MODEL", "UNIT", "TOTAL", "REPORTED"],
        ["(none)", "usd", "1.2", "1.2"],
        ["gpt-x", "usd", "0.0045", "0.0045"],
        ["gpt-x", "tokens", "1200", "1200"],
        ["all", "usd", "1.2045", "1.2045"],
        ["all", "tokens", "1200", "1200"],
    ]
    days = list(csv.DictReader(place.run("usage", "--by", "day", "--csv").stdout.splitlines()))
    assert [(row["unit"], row["total"], row["entries"]) for row in days] == [
        ("usd", "1.2045", "4"),
        ("tokens", "1200", "1"),
    ]


def test_charges_of_a_task_whose_engine_was_killed_are_booked_once_by_the_next(place: Home) -> None:
    place.start("serve")
    engine = place.has_engine()
    go, noted = place.path.parent / "go", place.path.parent / "noted"
    steps = (
        f"{CHARGE} --usd 0.1 --id first",
        f"touch {go}.begun; until [ -e {go} ]; do sleep 0.02; done",
        # The answer of the first may have been lost with the engine: asked again, it is the same charge.
        f"{CHARGE} --usd 0.1 --id first; {CHARGE} --usd 0.25",
        f"touch {noted}; until [ -e {go}.end ]; do sleep 0.02; done",
    )
    assert place.run("exec", "--detach", "--", "sh", "-c", "; ".join(steps)).returncode == 0
    until_now(Path(f"{go}.begun").exists, "it has charged")
    os.kill(engine, signal.SIGKILL)
    place.has_none()
    go.touch()
    until_now(noted.exists, "it has charged without an engine")
    place.start("serve")
    place.has_engine()
    Path(f"{go}.end").touch()
    place.waits_for("SELECT status FROM task", ("succeeded",))
    booked = place.rows("SELECT amount, kind, late FROM entry ORDER BY id")
    assert booked == [(100_000, "charged", None), (250_000, "charged", None)]
    assert place.rows("SELECT used, reserved, unknown FROM gauge WHERE name = 'team'") == [(350_000, 0, 0)]


def test_without_an_engine_a_charge_is_noted_with_its_id_and_booked_later(deck: Deck, task: Path) -> None:
    task.write_text('{"usd": 1}')
    first = deck("charge", "--usd", "0.003", "--unit", "pages=2", "--id", "one")
    assert (first.status, first.out) == (0, "")
    assert "the charge is noted, and booked by the next engine" in first.err
    assert deck("charge", "--calls", "1", "--json").status == 0
    own, noted, other = (json.loads(line) for line in task.read_text().splitlines() if line)
    at = noted.pop("at")
    assert (own, noted, at > 10**12) == ({"usd": 1}, {"usd": "0.003", "pages": "2", "id": "one"}, True)
    assert (other["calls"], len(other["id"])) == ("1", 16)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "it names no amount"),
        (("--usd", "-1"), "'-1' is not a number from 0"),
        (("--usd", "much"), "'much' is not a number"),
        (("--unit", "pages"), "--unit is NAME=AMOUNT"),
        (("--unit", "Pages=1"), "is not the name of a unit"),
        (("--unit", "usd=1", "--usd", "2"), "--unit cannot be usd"),
        (("--unit", "at=1"), "--unit cannot be at"),
        (("--unit", "a=1", "--unit", "a=2"), "names a unit twice"),
        (("--input-tokens", "3"), "need the `model`"),
        (("--usd", "1", "--id", ""), "`id` must be"),
    ],
)
def test_a_charge_that_says_nothing_is_refused_before_it_is_noted(
    deck: Deck, task: Path, words: tuple[str, ...], said: str
) -> None:
    ended = deck("charge", *words)
    assert (ended.status, said in ended.err, task.exists()) == (2, True, False), ended.err


def test_a_charge_that_no_file_takes_is_refused(deck: Deck, task: Path) -> None:
    task.mkdir()
    ended = deck("charge", "--usd", "1")
    assert (ended.status, "error[usage.unwritable]" in ended.err) == (4, True)


def test_a_charge_outside_of_a_task_is_refused(deck: Deck, home: Path) -> None:
    ended = deck("charge", "--usd", "1")
    assert (ended.status, "runs inside a task" in ended.err, home.exists()) == (2, True, False)


def test_prices_are_listed_with_the_day_from_which_each_holds(deck: Deck, configured: Path) -> None:
    assert [line.split() for line in deck("prices").out.splitlines()[1:]] == [
        ["gpt-x", "2.5", "10", "1,000,000", "always"],
        ["gpt-y", "1", "2", "1,000,000", "always"],
        ["gpt-y", "3", "4", "1,000,000", "2026-06-01"],
    ]
    shown = [json.loads(line) for line in deck("prices", "--json").out.splitlines()]
    assert shown[2] == {
        "model": "gpt-y",
        "input": "3",
        "output": "4",
        "per": 1_000_000,
        "from": "2026-06-01T00:00:00.000Z",
    }


def test_without_prices_or_entries_that_is_said(stored: Deck) -> None:
    assert "no prices yet" in stored("prices").err
    assert "nothing was spent in this time" in stored("usage").err
    assert stored("usage", "--by", "day", "--csv").out.splitlines() == [
        "day,unit,total,reported,estimated,corrected,unknown,entries"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", "moon"), "--by takes one of: project, job"),
        (("--since", "soon"), "is not a moment"),
        (("--since", "1d", "--until", "2d"), "--since is not before --until"),
        (("--zone", "Europe/Berlim"), "Europe/Berlin"),
        (("--unit", "U S D"), "not the name of a unit"),
        (("--json", "--csv"), "do not go together"),
        (("--by", "day", "--since", "1970-01-02"), "ask of a shorter time"),
    ],
)
def test_a_question_of_usage_that_cannot_be_answered_is_refused(
    stored: Deck, words: tuple[str, ...], said: str
) -> None:
    ended = stored("usage", *words)
    assert (ended.status, said in ended.err) == (2, True), ended.err
