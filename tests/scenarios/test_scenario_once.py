"""Once over kills: contenders for keys, in processes that are killed."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from core.store.verify import verify_path
from tests.support.commands import start_program
from tests.support.homes import Home
from tests.support.once_rounds import CONTENDERS
from tests.support.waiting import until_now

ROUNDS = 200
KILLS = 3
_OF_EVER = (
    "SELECT spec->>'$.once.key', count(*) FROM task WHERE spec->>'$.once.for' = 'ever'"
    " AND status != 'skipped' GROUP BY 1 HAVING count(*) != 1"
)
_AT_ONCE = (
    "SELECT a.id, b.id FROM task a JOIN task b ON a.id < b.id"
    " AND a.spec->>'$.once.key' = b.spec->>'$.once.key'"
    " WHERE a.status != 'skipped' AND b.status != 'skipped' AND (a.finished_at IS NULL"
    " OR (SELECT max(id) FROM event WHERE task_id = a.id AND kind IN ('task.succeeded', 'task.failed'))"
    " > (SELECT min(id) FROM event WHERE task_id = b.id))"
)


def test_contenders_for_a_key_make_one_task_over_kills(tmp_path: Path) -> None:
    path = tmp_path / "deck.db"
    for number in range(1, KILLS + 2):
        with start_program("tests.support.once_rounds", str(path), str(ROUNDS)) as process:
            if number > KILLS:
                assert process.wait() == 0
                break
            least = ROUNDS * number // (KILLS + 1)
            until_now(lambda least=least: _rounds(path) >= least, f"{least} rounds have begun")
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(_OF_EVER).fetchall() == []
        assert db.execute(_AT_ONCE).fetchall() == []
        assert db.execute("SELECT count(*) FROM once_key").fetchall() == [(ROUNDS,)]
        ((told,),) = db.execute("SELECT sum(data->>'times') FROM event WHERE kind = 'once.refused'")
        assert told >= ROUNDS * CONTENDERS
    assert verify_path(path) == ()


def test_two_clients_at_once_of_two_engines_one_after_another_get_one_task(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    words = (
        "exec",
        "--once",
        "nightly",
        "--once-for",
        "ever",
        "--detach",
        "--",
        "touch",
        str(tmp_path / "mark"),
    )
    for client in [home.start(*words) for _ in range(2)]:
        assert client.wait() == 0
    until_now((tmp_path / "mark").exists, "the task has run")
    (tmp_path / "mark").unlink()
    home.has_engine()
    assert home.run("stop", "--kill").returncode == 0
    home.has_none()
    assert home.run(*words).returncode == 0
    home.waits_for("SELECT count(*), max(status) FROM task WHERE job_id = 1", (1, "succeeded"))
    assert not (tmp_path / "mark").exists()
    home.end()


def _rounds(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            ((number,),) = db.execute("SELECT count(*) FROM once_key")
    except sqlite3.OperationalError:
        # It is being made.
        return 0
    return int(number)
