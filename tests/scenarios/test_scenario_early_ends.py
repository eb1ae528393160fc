"""A spent budget lets what runs end early, in part."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.verify import verify_path
from tests.support.homes import Home
from tests.support.waiting import until_now

CONFIG = """
[budgets.team]
unit = "usd"
max = 1
on_exhausted = "finish"
"""
WAITS = 'until [ -e "$TASKDECK_DIR/exhausted" ]; do sleep 0.02; done; cat "$TASKDECK_DIR/exhausted"; exit '
SPENDS = 'printf "{\\"usd\\": 2}\\n" >>"$TASKDECK_USAGE"'


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "config.toml").write_text(CONFIG)
    yield home
    home.end()


def started(home: Home, number: int) -> None:
    home.waits_for("SELECT count(*) FROM attempt WHERE status = 'running'", (number,))


@pytest.mark.parametrize("code", ["0", "6"])
def test_a_task_that_ends_early_succeeds_in_part_and_exec_exits_with_6(home: Home, code: str) -> None:
    home.start("serve", "--slots", "4")
    home.has_engine()
    waits = home.start("exec", "--json", "--cost", "usd=0.1", "--", "sh", "-c", WAITS + code)
    started(home, 1)
    spent = home.run("exec", "--cost", "usd=0.1", "--", "sh", "-c", SPENDS)
    assert spent.returncode in (0, 6)
    out, _ = waits.communicate(timeout=120)
    answer = json.loads(out)
    assert waits.returncode == 6
    assert (answer["status"], answer["partial"]) == ("succeeded", True)
    assert (answer["output"]["exit"], answer["output"]["text"]) == (int(code), "team\n")
    refused = home.run("exec", "--cost", "usd=0.1", "--", "true")
    assert refused.returncode == 6
    assert "`team` is exhausted" in refused.stderr
    (shown,) = (
        json.loads(home.run("tasks", "--json", "--where", f"id:{answer['task']}").stdout.splitlines()[0]),
    )
    assert (shown["partial"], shown["status_reason"]) == (True, "partial: budget `team` is exhausted")
    listed = home.run("tasks", "--where", f"id:{answer['task']}")
    assert "partial: budget `te" in listed.stdout
    home.run("stop")
    home.has_none()
    assert verify_path(home.path / "taskdeck.db") == ()


def test_what_a_killed_engine_left_is_told_and_its_job_exits_with_6(home: Home) -> None:
    engine = home.start("serve", "--slots", "4")
    home.has_engine()
    (home.path.parent / "work.yaml").write_text(
        "name: work\ntasks:\n"
        f"  - {{key: waits, uses: shell, with: {{argv: [sh, -c, {json.dumps(WAITS + '6')}]}}}}\n"
        f"  - {{key: after, uses: shell, needs: [waits], with: {{argv: ['true']}}}}\n"
    )
    run = home.start("run", "work.yaml", "--detach", "--json")
    job = json.loads(run.communicate(timeout=120)[0])["job"]
    started(home, 1)
    os.kill(home.engine, signal.SIGKILL)
    engine.wait()
    home.start("serve", "--slots", "4")
    home.has_engine()
    home.run("exec", "--", "sh", "-c", SPENDS)
    until_now(
        lambda: home.rows("SELECT 1 FROM job WHERE id > 1 AND finished_at IS NOT NULL"), "the job ended"
    )
    assert home.rows("SELECT key, status FROM task WHERE job_id = ? ORDER BY id", job) == [
        ("waits", "succeeded"),
        ("after", "failed"),
    ]
    assert home.rows("SELECT count(*) FROM event WHERE kind = 'task.exhausted'") == [(1,)]
    assert home.run("wait", str(job)).returncode == 1
    again = home.run("run", "work.yaml", "--json")
    assert (again.returncode, json.loads(again.stdout.splitlines()[-1])["exhausted"]) == (6, True)


def test_an_adopted_attempt_knows_that_it_was_told(home: Home) -> None:
    engine = home.start("serve", "--slots", "4")
    home.has_engine()
    go = home.path.parent / "go"
    home.run("exec", "--detach", "--", "sh", "-c", f"until [ -e {go} ]; do sleep 0.02; done; exit 6")
    started(home, 1)
    home.run("exec", "--", "sh", "-c", SPENDS)
    home.waits_for("SELECT count(*) FROM event WHERE kind = 'task.exhausted'", (1,))
    os.kill(home.engine, signal.SIGKILL)
    engine.wait()
    go.touch()
    home.start("serve", "--slots", "4")
    home.has_engine()
    home.waits_for("SELECT status FROM task WHERE id = 1", ("succeeded",))
