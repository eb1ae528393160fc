"""No overspend: clients at once, one budget, engines that are killed."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.store.verify import verify_path
from tests.support.homes import Home
from tests.support.money import Watch, accounts, rounds_over_kills
from tests.support.waiting import until_now

CONFIG = """
[budgets.team]
unit = "usd"
max = 1.00

[budgets.words]
unit = "tokens"
max = 5_000
"""
CLIENTS = 4
EACH = 12
KILLS = 3
ROUNDS = 500
"""Of coroutines; `tests/bench/money.py` makes 10,000."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "config.toml").write_text(CONFIG)
    yield home
    home.end()


def test_four_clients_and_killed_engines_never_spend_more_than_there_is(home: Home) -> None:
    home.start("serve", "--slots", "8")
    home.has_engine()
    watch = Watch(home.path / "taskdeck.db")
    costs = ("--cost", "usd=0.10", "--cost", "tokens=100")
    words = ("map", "--detach", *costs, "--", "sh", "-c", "sleep 0.3; echo {}")
    items = home.path.parent / "items"
    items.write_text("".join(f"{number}\n" for number in range(EACH)))
    clients = []
    for _ in range(CLIENTS):
        with items.open("rb") as file:
            clients.append(home.start(*words, stdin=file.fileno()))
    for _ in range(KILLS):
        before = _count(home, "SELECT count(*) FROM attempt WHERE status != 'running'")
        until_now(
            lambda before=before: (
                _count(home, "SELECT count(*) FROM attempt WHERE status != 'running'") > before
                or _count(home, "SELECT sum(used + reserved + unknown) FROM gauge WHERE name = 'team'")
                >= 10**6
            ),
            "some of it is done",
        )
        watch.end()
        killed = home.has_engine()
        os.kill(killed, signal.SIGKILL)
        # While it dies it still has the lock, and `serve` would leave the store to it.
        until_now(lambda killed=killed: not home.owned or home.engine != killed, "the killed engine is gone")
        home.start("serve", "--slots", "8")
        home.has_engine()
        watch.begin()
    for client in clients:
        client.wait()
    until_now(lambda: not home.rows("SELECT 1 FROM attempt WHERE status = 'running'"), "what began has ended")
    watch.end()
    assert (watch.over, watch.looks > 10) == ([], True)
    spent = dict(home.rows("SELECT name, used + reserved + unknown FROM gauge"))
    ledger = dict(home.rows("SELECT unit, sum(amount) FROM entry GROUP BY 1"))
    assert spent["team"] == ledger["usd"] <= 10**6
    assert spent["words"] == ledger["tokens"]
    # The other one has the same number of attempts: none was touched by a refused claim.
    assert ledger["tokens"] == ledger["usd"] * 1_000
    # That of a client, which ends when nothing is left to do, may have been quicker than `serve`.
    home.run("stop")
    home.has_none()
    assert verify_path(home.path / "taskdeck.db") == ()


def test_a_hundred_coroutines_get_one_slot_of_money_once_a_round_over_kills(tmp_path: Path) -> None:
    path = tmp_path / "deck.db"
    rounds_over_kills(path, rounds=ROUNDS, kills=KILLS)
    with closing(sqlite3.connect(path)) as db:
        assert accounts(db, ROUNDS) == []
    assert verify_path(path) == ()


def _count(home: Home, sql: str) -> int:
    ((number,),) = home.rows(sql)
    return int(str(number or 0))
