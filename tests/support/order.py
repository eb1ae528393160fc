"""The order of the tests: what waits longest begins first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, islice
from typing import Protocol, TypeVar

LONGEST = (
    "tests/scenarios/test_scenario_hostile.py",
    "tests/scenarios/test_scenario_hostile_places.py",
    "tests/scenarios/test_scenario_walk.py",
    "tests/architecture/test_package.py",
    "tests/cli/test_cli_surroundings.py",
    "tests/console/test_console_terminal.py",
    "tests/pages/test_pages_code.py",
)
"""Files whose tests take longest, the longest first."""
WAITING = ("tests/scenarios/", "tests/cli/", "tests/app/")
"""Rooms whose tests mostly wait for processes."""


class Named(Protocol):
    """What has the name of a test, such as `tests/app/test_x.py::test_y`."""

    @property
    def nodeid(self) -> str: ...


T = TypeVar("T", bound=Named)


def spread(items: Sequence[T], workers: int) -> list[T]:
    """Return the tests so that every other worker, which gets an equal part, begins with those that wait.

    The rest compute meanwhile: where all wait at once, the cores are idle, and later all want them. A worker
    that has nothing left takes tests from the end of what others have: there stand quick ones, and none is
    waited for when all else is done.
    """
    files = [list(group) for _, group in groupby(items, key=_file)]
    files.sort(key=lambda file: _rank(_file(file[0])))
    waiting = [file for file in files if _rank(_file(file[0])) < len(LONGEST) + 1]
    quick = iter([item for file in files[len(waiting) :] for item in file])
    left = len(items)
    lines = (workers + 1) // 2
    ordered: list[T] = []
    for worker in range(workers):
        part = left // (workers - worker)
        left -= part
        mine = () if worker % 2 else waiting[worker // 2 :: lines]
        first = [item for file in mine for item in file]
        ordered += [*first, *islice(quick, max(0, part - len(first)))]
    return [*ordered, *quick]


def _file(item: Named) -> str:
    return item.nodeid.partition("::")[0]


def _rank(file: str) -> int:
    if file in LONGEST:
        return LONGEST.index(file)
    return len(LONGEST) + (not file.startswith(WAITING))
