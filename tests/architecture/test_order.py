"""Tests of the order of tests and of their processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.homes import ROOT
from tests.support.order import LONGEST, Shares


@dataclass(frozen=True, kw_only=True)
class Item:
    """A test by its name."""

    nodeid: str


def of_files(*files: str, number: int) -> list[Item]:
    return [Item(nodeid=f"{file}::test_{count}") for file in files for count in range(number)]


def in_turns(items: list[Item], processes: int) -> list[list[Item]]:
    """Return what each process runs when all take as long for a test."""
    shares = Shares(items, processes)
    taken: list[list[Item]] = [[] for _ in range(processes)]
    while any(found := [shares.next(process) for process in range(processes)]):
        for process, item in enumerate(found):
            taken[process] += [] if item is None else [item]
    return taken


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_every_other_process_begins_with_tests_that_wait_and_each_test_is_run_once(processes: int) -> None:
    quick = of_files(*(f"tests/store/test_{letter}.py" for letter in "abcdef"), number=50)
    waiting = of_files("tests/cli/test_c.py", *LONGEST, "tests/app/test_d.py", number=3)
    taken = in_turns([*quick, *waiting], processes)
    run = [item for items in taken for item in items]
    assert sorted(run, key=lambda item: item.nodeid) == sorted(
        [*quick, *waiting], key=lambda item: item.nodeid
    )
    assert taken[0][0].nodeid.startswith(LONGEST[0])
    assert [items[0] in waiting for items in taken] == [process % 2 == 0 for process in range(processes)]
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


def test_a_process_without_work_takes_the_later_half_of_a_file_that_another_has_begun() -> None:
    items = of_files("tests/store/test_a.py", number=9)
    assert in_turns(items, 2) == [items[:5], items[5:]]


def test_the_longest_files_are_there() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []


SAMPLE = """
import os, pytest

@pytest.fixture
def torn():
    yield
    raise ValueError("torn")

@pytest.mark.parametrize("number", range(20))
def test_ends(number, tmp_path, capfd):
    print(number)
    assert capfd.readouterr().out == f"{number}\\n"

def test_fails(): raise ValueError("wrong")
def test_is_skipped(): pytest.skip("no reason")
def test_is_torn(torn): print("said before")
"""


def in_processes(folder: Path, text: str) -> str:
    """Return what pytest says of the tests of a text, run in three processes."""
    (folder / "test_sample.py").write_text(text)
    plugin = ["-p", "no:cacheprovider", "-p", "tests.support.forked_tests", "--processes", "3"]
    argv = [sys.executable, "-m", "pytest", "-q", *plugin, "--rootdir", str(folder), str(folder)]
    done = subprocess.run(argv, cwd=ROOT, text=True, check=False, capture_output=True)
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_forked_processes_report_each_test_as_one_process_would(tmp_path: Path) -> None:
    said = in_processes(tmp_path, SAMPLE)
    assert "1 failed, 21 passed, 1 skipped, 1 error" in said
    assert "ValueError: wrong" in said
    assert "said before" in said


def test_the_death_of_a_process_is_a_failure_of_its_test(tmp_path: Path) -> None:
    said = in_processes(tmp_path, "import os\ndef test_dies(): os.kill(os.getpid(), 9)")
    assert "its process ended with status 9" in said
    assert "1 failed" in said
