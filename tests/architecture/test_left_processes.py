"""Tests of what finds the processes that a test left."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.leftovers import MARK, Traces, left_by, living_on, newest_process


@contextmanager
def sleeping(folder: Path, environ: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(["/bin/sleep", "600"], cwd=folder, env=environ)
    try:
        # It has a number before the kernel tells what it runs.
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
            os.sched_yield()
        yield process.pid
    finally:
        process.kill()
        process.wait()


def found(folder: Path, environ: dict[str, str]) -> tuple[bool, bool]:
    """Return whether a process is known as one of this test, and as one that lives on its folder."""
    traces = Traces(mark=os.environ[MARK], folder=folder, newest=newest_process())
    with sleeping(folder, environ) as pid:
        left, living = left_by(traces), living_on(folder)
    return pid in [process.pid for process in left], pid in [process.pid for process in living]


def test_a_process_with_the_mark_of_the_test_is_found(tmp_path: Path) -> None:
    assert found(Path("/"), {MARK: os.environ[MARK]})[0]


def test_a_process_without_environment_is_found_by_its_folder(tmp_path: Path) -> None:
    assert found(tmp_path, {}) == (True, True)


def test_a_process_of_another_process_that_runs_tests_is_left_to_that_one(tmp_path: Path) -> None:
    assert found(tmp_path, {MARK: f"{os.getpid() + 1}.1 tests/x.py"}) == (False, False)


def test_what_is_known_is_found_among_many_younger_ones_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_FEW", 0)
    assert found(tmp_path, {}) == (True, True)


def test_what_starts_while_it_is_looked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = newest_process()
    said = iter([before, before])
    monkeypatch.setattr(leftovers, "newest_process", lambda: next(said, None) or newest_process())
    with sleeping(tmp_path, {}) as pid:
        left = left_by(Traces(mark="none", folder=tmp_path, newest=before - 1))
    assert [process.pid for process in left] == [pid]


def test_a_thread_is_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    traces, go_on = Traces(mark="none", folder=tmp_path, newest=newest_process()), threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    left = left_by(traces)
    go_on.set()
    thread.join()
    assert left == []


def test_what_started_the_tests_is_left_to_itself() -> None:
    parent = os.getppid()
    assert parent not in [process.pid for process in living_on(Path(f"/proc/{parent}/cwd").readlink())]
