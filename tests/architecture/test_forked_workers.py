"""Tests of workers forked from one process, which collects for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.homes import ROOT

_TESTS = """
import json, os
from pathlib import Path
import pytest
HERE = Path(__file__).parent
with (HERE / "collected").open("a") as written:
    written.write("once ")

@pytest.mark.parametrize("number", range(4))
def test_tells(number, tmp_path, worker_id):
    print("hidden")
    told = {"home": os.environ["HOME"], "from": os.getppid(), "worker": worker_id, "folder": str(tmp_path)}
    (HERE / f"told-{number}").write_text(json.dumps(told))

def test_ends_its_worker():
    os._exit(7)

def test_fails():
    print("shown")
    assert [1, 2] == [1, 3]
"""
_ASYNC = ("-o", "asyncio_default_fixture_loop_scope=function")


def run_two_workers(where: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    options = [
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        *_ASYNC,
        "-n",
        "2",
        "-q",
        "--basetemp",
        folder / "base",
    ]
    argv = [sys.executable, "-m", "pytest", *map(str, [*options, where])]
    environ = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_workers_are_forked_from_one_that_collected_and_have_homes_and_folders_of_their_own(
    tmp_path: Path,
) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_told.py").write_text(_TESTS)
    (tests / "test_broken.py").write_text("raise ValueError('this one cannot be collected')\n")
    ended = run_two_workers(tests, tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert (tests / "collected").read_text() == "once "
    told = [json.loads((tests / f"told-{number}").read_text()) for number in range(4)]
    assert len({one["from"] for one in told}) == 1
    homes = {one["worker"]: one["home"] for one in told}
    assert len(set(homes.values())) == len(homes) > 1
    # That of the one which did not come to an end.
    assert len([*tmp_path.glob("taskdeck-suite-*")]) == 1
    assert all(Path(one["folder"]).parts[-2] == f"popen-{one['worker']}" for one in told)
    assert "ValueError: this one cannot be collected" in ended.stdout
    # Another one has been forked in the place of that which ended.
    assert "node down: Not properly terminated" in ended.stdout
    assert "assert [1, 2] == [1, 3]" in ended.stdout
    assert ("shown" in ended.stdout, "hidden" in ended.stdout) == (True, False)
    assert "2 failed, 4 passed, " in ended.stdout


def test_where_nothing_can_be_collected_it_is_said_why_and_workers_are_executed(tmp_path: Path) -> None:
    (tmp_path / "test_told.py").write_text(_TESTS)
    ended = run_two_workers(tmp_path / "test_told.py::test_missing", tmp_path)
    assert ended.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no tests ran" in ended.stdout
    assert ended.stderr.startswith("ERROR: not found: ")
    # By the one that should have forked them, and by both.
    assert (tmp_path / "collected").read_text() == "once " * 3
