"""The order of the tests: what waits longest begins first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

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

TOGETHER = ("tests/architecture/",)
"""Rooms whose tests read all files; a process that has parsed them runs the others too."""


class Named(Protocol):
    """What has the name of a test, such as `tests/app/test_x.py::test_y`."""

    @property
    def nodeid(self) -> str: ...


T = TypeVar("T", bound=Named)


class Shares(Generic[T]):
    """Who runs which test next: those of one file one after another, as long as there are others."""

    def __init__(self, items: Sequence[T], processes: int) -> None:
        groups: dict[str, deque[T]] = {}
        for item in items:
            groups.setdefault(_group(item), deque()).append(item)
        files = sorted(groups.values(), key=lambda file: _rank(_file(file[0])))
        self._waiting = deque(file for file in files if _waits(file[0]))
        self._quick = deque(file for file in files if not _waits(file[0]))
        self._own: list[deque[T]] = [deque() for _ in range(processes)]

    def next(self, process: int) -> T | None:
        """Return the next test of a process, None = all have begun."""
        if not self._own[process]:
            self._own[process] = self._new_file(process) or self._half_of_another()
        return self._own[process].popleft() if self._own[process] else None

    def _new_file(self, process: int) -> deque[T] | None:
        """Return a file; every other process begins with those that wait.

        The rest compute meanwhile: where all wait at once, the cores are idle, and later all want them.
        """
        lines = (self._quick, self._waiting) if process % 2 else (self._waiting, self._quick)
        return next((line.popleft() for line in lines if line), None)

    def _half_of_another(self) -> deque[T]:
        """Take the end of the longest file that another process has begun."""
        longest = max(self._own, key=len)
        return deque(reversed([longest.pop() for _ in range((len(longest) + 1) // 2)]))


def _file(item: Named) -> str:
    return item.nodeid.partition("::")[0]


def _group(item: Named) -> str:
    """Return the file of a test, or the room whose files are run as one."""
    file = _file(item)
    rooms = () if file in LONGEST else TOGETHER
    return next((room for room in rooms if file.startswith(room)), file)


def _waits(item: Named) -> bool:
    return _rank(_file(item)) <= len(LONGEST)


def _rank(file: str) -> int:
    if file in LONGEST:
        return LONGEST.index(file)
    return len(LONGEST) + (not file.startswith(WAITING))
