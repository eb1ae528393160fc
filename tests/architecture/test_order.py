"""Tests of the order of the tests: none is lost."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.homes import ROOT
from tests.support.order import LONGEST, spread


@dataclass(frozen=True, kw_only=True)
class Item:
    """A test by its name."""

    nodeid: str


def of_files(*files: str, number: int) -> list[Item]:
    return [Item(nodeid=f"{file}::test_{count}") for file in files for count in range(number)]


@pytest.mark.parametrize("workers", [2, 3, 4, 5])
def test_every_other_worker_begins_with_tests_that_wait_and_none_is_lost(workers: int) -> None:
    quick = of_files("tests/store/test_a.py", "tests/model/test_b.py", number=50)
    waiting = of_files("tests/cli/test_c.py", *LONGEST, "tests/app/test_d.py", number=3)
    ordered = spread([*quick, *waiting], workers)
    assert sorted(ordered, key=lambda item: item.nodeid) == sorted(
        [*quick, *waiting], key=lambda item: item.nodeid
    )
    assert ordered[0].nodeid.startswith(LONGEST[0])
    starts = [ordered[len(ordered) * worker // workers] for worker in range(workers)]
    assert [start in waiting for start in starts] == [worker % 2 == 0 for worker in range(workers)]
    assert ordered[-1] in quick


def test_where_all_wait_none_is_lost() -> None:
    waiting = of_files("tests/cli/test_c.py", *LONGEST, number=3)
    assert sorted(item.nodeid for item in spread(waiting, 4)) == sorted(item.nodeid for item in waiting)


def test_the_longest_files_are_there() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []
