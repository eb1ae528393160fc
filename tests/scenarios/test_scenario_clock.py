"""An engine process while the wall clock of its machine is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import Home
from tests.support.waiting import until_now

DAY = 86_400_000
YEAR = 365 * DAY
GROWN_KB = 64 * 1024
CPU_SECONDS = 20


class SetClock(Home):
    """A home whose command lines see a wall clock that the test sets."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.parent / "clock"
        self.set(0)

    def argv(self, *words: str) -> list[str]:
        script = self.package / "tests/support/set_clock.py"
        return [sys.executable, "-P", str(script), str(self._file), *words]

    def set(self, ms: int) -> None:
        """Set the clock forward by so many ms, or back."""
        new = self._file.with_suffix(".new")
        new.write_text(str(ms))
        new.replace(self._file)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SetClock]:
    home = SetClock(tmp_path / "home")
    yield home
    home.end()


def memory_kb(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def steps(place: Home) -> list[int]:
    rows = place.rows("SELECT data FROM event WHERE kind = 'clock.stepped' ORDER BY id")
    return [json.loads(str(data))["by_ms"] for (data,) in rows]


def about(values: list[int], wanted: list[int]) -> bool:
    return len(values) == len(wanted) and all(
        abs(value - want) < 60_000 for value, want in zip(values, wanted, strict=True)
    )


@pytest.mark.parametrize("by", [DAY, 20 * YEAR])
def test_a_clock_that_is_set_ahead_and_back_delays_nothing_and_costs_nothing(
    place: SetClock, by: int
) -> None:
    engine = place.start("serve")
    place.has_engine()
    retry = {"max_attempts": 4, "base": "1s", "backoff": "fixed", "jitter": "none"}
    document = {
        "name": "w",
        "tasks": [{"key": "a", "uses": "shell", "with": {"script": "exit 9"}, "retry": retry}],
    }
    file = place.path.parent / "work.json"
    file.write_text(json.dumps(document))
    assert place.run("run", str(file), "--detach").returncode == 0
    ended = "SELECT count(*) >= {} FROM attempt WHERE status != 'running'"
    place.waits_for(ended.format(1), (1,))
    before, spent = memory_kb(engine), cpu_seconds(engine)
    place.set(by)
    place.waits_for(ended.format(2), (1,))
    place.set(-by)
    place.waits_for(ended.format(3), (1,))
    place.set(0)
    place.waits_for("SELECT status FROM job WHERE id = 2", ("failed",))
    until_now(lambda: about(steps(place), [by, -2 * by, by]), "each step is in the history")
    assert memory_kb(engine) - before < GROWN_KB
    assert cpu_seconds(engine) - spent < CPU_SECONDS


def test_a_clock_that_was_set_while_no_engine_ran_is_named_by_the_next(place: SetClock) -> None:
    place.start("serve")
    place.has_engine()
    assert place.run("stop").returncode == 0
    place.has_none()
    place.set(-YEAR)
    place.start("serve")
    until_now(lambda: about(steps(place), [-YEAR]), "the step is in the history")
