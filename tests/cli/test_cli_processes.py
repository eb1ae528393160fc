"""Several processes on one data directory: serve, attach, leave, detach, stop, follow."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.cli_stage import Deck, command, environment
from tests.support.commands import kind_of
from tests.support.waiting import DEADLINE, until_now

Write = Callable[[str, object], str]


class Processes:
    """Command lines in processes of their own, ended with the test."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command line; its input is closed."""
        argv, environ = command(*words), environment(self._home)
        process = kind_of(argv, environ)(
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def serve(self, *words: str) -> subprocess.Popen[str]:
        """Start an engine and return when it is ready."""
        process = self.start("serve", "--slots", "2", *words)
        assert process.stdout
        assert "serving" in process.stdout.readline()
        return process

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def processes(home: Path) -> Iterator[Processes]:
    """Return command lines in processes of their own."""
    started = Processes(home)
    yield started
    started.end()


def _gate(write: Write, tmp_path: Path) -> str:
    """Return a workflow whose one task waits until somebody opens the named pipe for writing."""
    script = f"echo begun; mkfifo {tmp_path}/gate; cat {tmp_path}/gate; echo ended"
    return write(
        "gate.json", {"name": "gate", "tasks": [{"key": "a", "uses": "shell", "with": {"script": script}}]}
    )


def _read_line(process: subprocess.Popen[str], stream: str = "stderr") -> str:
    found = getattr(process, stream)
    assert found
    return found.readline()


def test_a_running_engine_is_used_and_leaving_an_attached_run_leaves_the_job(
    processes: Processes, deck: Deck, write: Write, tmp_path: Path
) -> None:
    engine = processes.serve()
    run = processes.start("run", _gate(write, tmp_path), "--slots", "5")
    assert "with 2 slots: --slots 5 is ignored" in _read_line(run)
    assert _read_line(run) == "job 2 gate: 1 task\n"
    follow = processes.start("logs", "-f", "2/a")
    assert _read_line(follow, "stdout") == "begun\n"
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=DEADLINE)
    assert run.returncode == 130
    # Progress may stand before it, where the machine is slow.
    assert said.endswith(
        "left job 2; the engine continues it\n"
        "hint: wait for it: taskdeck wait 2, or end it: taskdeck cancel 2\n"
    )
    events = processes.start("events", "--job", "2", "--follow", "--json")
    assert json.loads(_read_line(events, "stdout"))["kind"] == "job.created"
    story = processes.start("history", "2", "--follow")
    assert "is submitted" in _read_line(story, "stdout")
    (tmp_path / "gate").write_text("open\n")
    assert follow.communicate(timeout=DEADLINE)[0] == "open\nended\n"
    out, _ = events.communicate(timeout=DEADLINE)
    assert json.loads(out.splitlines()[-1])["kind"] == "job.succeeded"
    told, _ = story.communicate(timeout=DEADLINE)
    assert told.splitlines()[-1].endswith("job 2: running -> succeeded")
    assert deck("stop").status == 0
    assert engine.wait(DEADLINE) == 0


def test_a_second_serve_is_refused_and_stop_without_an_engine_is_too(
    processes: Processes, deck: Deck
) -> None:
    assert deck("stop").status == 4
    engine = processes.serve("--json")
    assert deck("serve").status == 4
    (stopped,) = deck("stop", "--json").objects
    assert stopped == {"stopped": True, "pid": engine.pid}
    assert engine.wait(DEADLINE) == 0
    assert deck("stop").err.startswith("error[engine.none]:")


def test_a_detached_run_goes_on_in_an_engine_of_its_own(
    home: Path, deck: Deck, write: Write, tmp_path: Path
) -> None:
    ended = deck("run", _gate(write, tmp_path), "--detach", "--json")
    (detached,) = ended.objects
    assert detached["job"] == 2
    assert detached["status"] in ("pending", "running")
    assert deck("cancel", "2", "--reason", "enough").status == 0
    waited = deck("run", _gate(write, tmp_path), "--key", "other", "--json", "--detach")
    assert waited.objects[0]["job"] == 3
    deck("cancel", "3")
    for one in ("2", "3"):
        # Until it has ended: the one that was cancelled first may take longer.
        deck("events", "--job", one, "--follow")
    job = deck("jobs", "--json", "--where", "id:2").objects[0]
    assert (job["status"], job["reason"]) == ("cancelled", "enough")
    deck("stop")


def test_a_run_whose_job_somebody_cancels_ends_with_3(
    processes: Processes, deck: Deck, write: Write, tmp_path: Path
) -> None:
    run = processes.start("run", _gate(write, tmp_path), "--json")
    # Read until it has submitted its job: a change that finds no engine would keep out the one of the run.
    until_now(lambda: deck("jobs", "--json", "--where", "id:2").out, "the job is there")
    assert deck("cancel", "2").status == 0
    out, said = run.communicate(timeout=DEADLINE)
    assert run.returncode == 3, said
    assert json.loads(out.splitlines()[-1])["status"] == "cancelled"


def test_doctor_finds_a_store_in_order(stored: Deck) -> None:
    ended = stored("doctor")
    assert ended.status == 0
    assert ended.out.endswith("no faults\n")
    (report,) = stored("doctor", "--json").objects
    assert report["ok"] is True
    clean = {"name": "store", "ok": True, "warning": False}
    assert {**clean, "message": "integrity, recount and fold are clean"} in report["checks"]


def test_doctor_ends_with_4_where_something_is_wrong(home: Path, deck: Deck) -> None:
    home.mkdir(mode=0o700)
    (home / "taskdeck.db").write_bytes(b"no database at all" * 100)
    ended = deck("doctor")
    assert ended.status == 4
    assert "BAD " in ended.out


def test_config_show_names_value_source_and_what_no_setting_changes(
    home: Path, deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text("max_losses = 4\n")
    monkeypatch.setenv("TASKDECK_STOP_GRACE", "7")
    shown = deck("config", "show", "--slots", "3", "--json").objects[0]
    settings = shown["settings"]
    assert (settings["slots"]["value"], settings["slots"]["origin"]) == (3, "--slots")
    assert (settings["max_losses"]["value"], settings["max_losses"]["origin"]) == (
        4,
        str(home / "config.toml"),
    )
    assert (settings["stop_grace"]["value"], settings["stop_grace"]["origin"]) == (7, "TASKDECK_STOP_GRACE")
    assert settings["default_timeout"] == {
        "value": None,
        "origin": "default",
        "default": None,
        "read": "reload",
    }
    assert shown["fixed"]["disk_floor"]["value"] == "64 MiB"
    lines = deck("config", "show").out.splitlines()
    assert any(line.split()[:3] == ["default_timeout", "none", "default"] for line in lines)
    assert any(line.startswith("output_json") for line in lines)


def test_config_check_names_file_and_key(home: Path, deck: Deck) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("slotz = 4\n")
    ended = deck("config", "check")
    assert ended.status == 2
    assert "did you mean `slots`?" in ended.err
    (home / "config.toml").write_text("slots = 4\n")
    assert deck("config", "check", "--json").objects[0]["settings"]["slots"] == 4


def test_version_is_said_here_too(deck: Deck) -> None:
    assert deck("version").out.startswith("taskdeck ")
    assert deck("version", "--json").objects[0]["version"]
