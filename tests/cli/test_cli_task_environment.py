"""Tasks get the surroundings of who submits them, whichever engine runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import ROOT, STAYS, Home

_SHOW = "env -0 | sort -z | tr '\\0' '\\n'; umask; grep -E 'Sig(Ign|Blk)' /proc/self/status"
_SET = {"LC_TIME": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "TMPDIR": "/var/tmp", "LANG": "C.UTF-8", "HOME": "/opt"}


@pytest.fixture(params=["engine", "no engine"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """Return a data directory that allows API_TOKEN, with an engine of other surroundings or none."""
    one = Home(tmp_path / "home", executed=True)
    one.path.mkdir()
    (one.path / "config.toml").write_text('env_allow = ["API_TOKEN"]\n')
    if request.param == "engine":
        one.start("serve", TZ="America/Lima", LANG="C", HOME="/tmp", API_TOKEN="of the engine", LC_ALL="C")
        one.has_engine()
    yield one
    one.end()


def _run(home: Home, *words: str, umask: int = 0o027, wrap: str = 'exec "$@"', **more: str) -> list[str]:
    script = f"umask {umask:03o}; {wrap}"
    environ = {**home.environ, **_SET, **more}
    result = subprocess.run(
        ["sh", "-c", script, "sh", *home.argv(*words)],
        env=environ,
        cwd=home.path.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_a_loose_task_has_the_surroundings_of_its_submitter(home: Home) -> None:
    shown = _run(home, "exec", "--", "sh", "-c", _SHOW, API_TOKEN="of the caller", PASSWORD="secret")
    for name, text in {**_SET, "API_TOKEN": "of the caller"}.items():
        assert f"{name}={text}" in shown
    assert "0027" in shown
    assert f"TASKDECK_HOME={home.path}" in shown
    assert not any(line.startswith(("PASSWORD=", "LC_ALL=", "PYTHONPATH=")) for line in shown)
    stored = b"".join(path.read_bytes() for path in home.path.glob("taskdeck.db*"))
    assert b"secret" not in stored


def test_a_job_has_them_too_and_they_are_kept_once(home: Home, tmp_path: Path) -> None:
    script = f"{{ {_SHOW}; }} >$KEY.txt"
    tasks = [
        {"key": key, "uses": "shell", "with": {"script": script, "env": {"KEY": key, "TZ": "UTC"}}}
        for key in ("a", "b")
    ]
    (tmp_path / "job.json").write_text(json.dumps({"name": "two", "tasks": tasks}))
    _run(home, "run", str(tmp_path / "job.json"), "--json")
    _run(home, "exec", "--", "true")
    for key in ("a", "b"):
        shown = (tmp_path / f"{key}.txt").read_text().splitlines()
        assert {"HOME=/opt", "TMPDIR=/var/tmp", "TZ=UTC", "0027"} <= set(shown)
    keys = home.rows("SELECT DISTINCT spec->>'$.context.at' FROM task")
    assert len(keys) == len(home.rows("SELECT hash FROM payload")) == 1


def test_signals_that_the_submitter_or_the_engine_ignores_reach_no_task(home: Home) -> None:
    shown = _run(home, "exec", "--", "sh", "-c", _SHOW, wrap='trap "" HUP INT QUIT TERM USR1; exec "$@"')
    masks = [int(line.split()[1], 16) for line in shown if line.startswith("Sig")]
    wanted = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1, signal.SIGQUIT)
    assert [mask & sum(1 << number - 1 for number in wanted) for mask in masks] == [0, 0]


def test_an_engine_started_from_a_task_is_not_part_of_it(home: Home) -> None:
    other = Home(home.path.parent / "other", executed=True)
    words = [*home.argv("exec", "--detach", "--", "true")]
    settings = f"TASKDECK_HOME={other.path} TASKDECK_LINGER={STAYS}"
    inner = f"{settings} PYTHONPATH={home.package} " + " ".join(words)
    try:
        _run(home, "exec", "--", "sh", "-c", f"cd {home.package}; {inner}")
        other.waits_for("SELECT status FROM task", ("succeeded",))
        variables = Path(f"/proc/{other.engine}/environ").read_bytes()
        assert b"TASKDECK_ATTEMPT=" not in variables
        assert b"TASKDECK_TASK=" not in variables
    finally:
        other.end()


def test_a_client_that_sends_no_surroundings_is_asked_by_its_process(tmp_path: Path) -> None:
    # As `dial-stdio` at the other end of an ssh connection.
    home = Home(tmp_path / "home")
    home.start("serve", TZ="America/Lima")
    home.has_engine()
    body = json.dumps(
        {"specs": [{"uses": "shell", "with_": {"argv": ["sh", "-c", _SHOW]}, "context": {"cwd": "/"}}]}
    )
    lines = ["POST /v3/enqueue HTTP/1.1", "host: engine", "connection: close", f"content-length: {len(body)}"]
    try:
        subprocess.run(
            [sys.executable, "-P", "-m", "console.launch", "dial-stdio"],
            env={**home.environ, "TZ": "Asia/Tokyo"},
            input="\r\n".join([*lines, "", body]).encode(),
            check=True,
            capture_output=True,
            umask=0o077,
        )
        home.waits_for("SELECT status FROM task", ("succeeded",))
        shown = home.run("logs", "1").stdout.splitlines()
        assert {"TZ=Asia/Tokyo", "0077"} <= set(shown)
    finally:
        home.end()


@pytest.mark.parametrize(("slots", "status"), [(1, "failed"), (2, "succeeded")])
def test_a_task_that_waits_for_work_which_needs_its_own_slot_is_told_so(
    tmp_path: Path, slots: int, status: str
) -> None:
    home = Home(tmp_path / "home")
    home.start("serve", "--slots", str(slots))
    home.has_engine()
    try:
        inner = home.argv("exec", "--", "true")
        ended = home.run("exec", "--env", "PYTHONPATH", "--json", "--", *inner)
        assert json.loads(ended.stdout)["status"] == status
        shown = home.run("logs", "1").stdout
        assert ("wait.deadlock" in shown, "more --slots" in shown) == (slots == 1, slots == 1)
        home.waits_for("SELECT status FROM task WHERE id = 2", ("succeeded",))
    finally:
        home.end()


def test_the_variables_of_a_document_reach_its_tasks_as_the_page_says(home: Home, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "workflow-format.md").read_text(encoding="utf-8")
    example = page.partition("\n## Variables\n")[2].partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "variables.yaml"
    file.write_text(example)
    _run(home, "run", str(file), "--json")
    _run(home, "run", str(file), "--env", "CITY=Rome", "--json")
    reader = Home(home.path)
    shown = [reader.run("logs", f"{job}/show").stdout.splitlines() for job in (2, 3)]
    assert shown == [["north warning Oslo"], ["north warning Rome"]]
