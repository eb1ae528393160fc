"""Let attempts contend for one slot of money, over kills.

    python tests/bench/money.py [--rounds 10000] [--kills 100] [--form coroutines|clients|both]

`coroutines`: each round, 100 coroutines ask one journal for tasks under three budgets, of which one has
room for one of them. `clients`: four processes ask one engine, a real command runs, the others fail when the
money is spent. The process, or the engine, is killed with SIGKILL all the time. Printed are rounds, kills,
attempts and what was spent; anything that was over its limit, touched by a refused claim, or not accounted
for exits 1.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.store.verify import verify_path
from tests.support.homes import ROOT, Home
from tests.support.money import Watch, accounts, rounds_over_kills
from tests.support.waiting import until_now

CLIENTS = 4
CONFIG = "".join(
    f'[budgets.{name}]\nunit = "{unit}"\nmax = 10\non = {{tag = "by-name"}}\n'
    for name, unit in (("team", "usd"), ("words", "tokens"), ("asks", "questions"))
)
ENDED = "SELECT count(*) FROM attempt WHERE status != 'running'"


def coroutines(rounds: int, kills: int) -> bool:
    """Run the rounds of coroutines; return whether all of it is right."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.db"
        began = time.monotonic()
        rounds_over_kills(path, rounds=rounds, kills=kills, patience=rounds)
        return _report("coroutines", path, rounds=rounds, kills=kills, began=began)


def clients(rounds: int, kills: int) -> bool:
    """Run the rounds of client processes; return whether all of it is right."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.path.mkdir(mode=0o700)
        (home.path / "config.toml").write_text(CONFIG)
        began = time.monotonic()
        asking: list[subprocess.Popen[bytes]] = []
        try:
            engine = home.start("serve", "--slots", "8")
            home.has_engine()
            watch = Watch(home.path / "taskdeck.db")
            argv = [sys.executable, "-m", "tests.support.money_client", str(home.path), str(rounds)]
            asking = [subprocess.Popen(argv, cwd=ROOT, env=home.environ) for _ in range(CLIENTS)]
            for number in range(1, kills + 1):
                _wait(home, asking, rounds * number // (kills + 1), rounds)
                watch.end()
                os.kill(engine.pid, signal.SIGKILL)
                engine.wait()
                engine = home.start("serve", "--slots", "8")
                home.has_engine()
                watch.begin()
            failed = [status for one in asking if (status := one.wait())]
            watch.end()
            home.run("stop")
            home.has_none()
        finally:
            for one in asking:
                one.kill()
            home.end()
        right = _report("clients", home.path / "taskdeck.db", rounds=rounds, kills=kills, began=began)
        print(f"  over their limit {len(watch.over)} in {watch.looks:,} looks, failed clients {len(failed)}")
        return right and not watch.over and not failed


def _wait(home: Home, asking: list[subprocess.Popen[bytes]], most: int, seconds: float) -> None:
    """Return when so many attempts have ended, or all clients have."""

    def is_there() -> bool:
        rows = home.rows(ENDED)
        done = int(str(rows[0][0])) if rows else 0
        return done >= most or all(one.poll() is not None for one in asking)

    until_now(is_there, f"{most} attempts have ended", seconds=seconds)


def _report(form: str, path: Path, *, rounds: int, kills: int, began: float) -> bool:
    took = time.monotonic() - began
    with closing(sqlite3.connect(path)) as db:
        wrong = accounts(db, rounds)
        ((attempts,),) = db.execute("SELECT count(*) FROM attempt")
        ((tasks,),) = db.execute("SELECT count(*) FROM task")
        spent = dict(db.execute("SELECT kind, sum(amount) FROM entry GROUP BY 1"))
    findings = verify_path(path)
    print(f"{form}: {rounds:,} rounds, {kills} kills, {tasks:,} tasks, {attempts:,} attempts, {took:.0f} s")
    print(f"  ledger, millionths: {spent}")
    print(f"  not accounted for {len(wrong)} {wrong[:3]}, doctor {len(findings)} {findings[:3]}")
    return not wrong and not findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--form", choices=("coroutines", "clients", "both"), default="both")
    given = parser.parse_args()
    forms = {"coroutines": coroutines, "clients": clients}
    chosen = forms if given.form == "both" else {given.form: forms[given.form]}
    results = [run(given.rounds, given.kills) for run in chosen.values()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
