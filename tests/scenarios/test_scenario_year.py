"""A year in a minute: schedules, silence and health on two screens."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.control.server import ControlServer
from core.model import present
from core.model.text import cells
from core.model.timing.schedules import FirePolicy, Schedule, Timing, Work
from tests.support.house import House
from tests.support.terminal import ROOT, Terminal

DAY = 86_400_000
SIZE = (80, 24)
"""The smallest: what is seen there is seen on every larger one."""
SET_CLOCK = ROOT / "tests/support/set_clock.py"
SUCCEED = "name: {}\ntasks:\n  - {{key: a, uses: steer, with: {{do: succeed}}}}\n"


class Year:
    """A house whose engine answers on its socket, and the wall clock of its console."""

    def __init__(self, home: Path) -> None:
        self.house = House(home)
        self.shift = home.parent / "shift"
        self.server = ControlServer()
        self.present: list[int] = []

    async def begin(self) -> None:
        await self.house.open()
        await self.server.start(self.house.control, self.house.paths.socket)
        self.show_time()

    def show_time(self) -> None:
        """Set the clock of what reads here, and of the console, to that of the engine."""
        self.present[:] = [self.house.clock.wall]
        by = self.house.clock.wall - time.time_ns() // 1_000_000
        beside = self.shift.with_suffix(".new")
        beside.write_text(str(by))
        beside.replace(self.shift)

    async def add(self, name: str, timing: Timing, **policy: object) -> None:
        work = Work(text=SUCCEED.format(name), source=f"/srv/{name}.yaml")
        policy_ = FirePolicy(**policy)  # type: ignore[arg-type]
        await self.house.control.schedules.add(
            Schedule(name=name, timing=timing, policy=policy_, work=work), actor="kim"
        )

    async def pass_days(self, days: int) -> None:
        """Let days pass from fire to fire; each is decided when its time comes, and its job ends."""
        house, end = self.house, self.house.clock.wall + days * DAY
        due = "SELECT min(wake_at) FROM schedule WHERE paused_at IS NULL AND removed_at IS NULL"
        while (at := house.rows(due)[0][0]) is not None and at <= end:
            house.clock.advance(ms=at - house.clock.wall)
            self.present[:] = [house.clock.wall]
            await house.until(lambda at=at: house.rows(due) != [(at,)], "the fire is decided")
        house.clock.advance(ms=end - house.clock.wall)
        await house.settle()
        await house.until(lambda: not house.open_attempts(), "all jobs have ended")
        self.show_time()

    async def close(self) -> None:
        await self.server.stop()
        await self.house.close()


@pytest.fixture
async def year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Year]:
    year = Year(tmp_path / "home")
    monkeypatch.setattr(present, "_standing", year.present)
    await year.begin()
    yield year
    await year.close()


async def sees(terminal: Terminal, *texts: str) -> str:
    return await asyncio.to_thread(terminal.sees, *texts)


async def stand(terminal: Terminal, **states: str) -> None:
    """Wait until the rows of these schedules say how they stand."""

    def told() -> bool:
        rows = [line.replace("▌", " ").split() for line in terminal.picture().splitlines()]
        found = {row[0].replace("-", "_"): row[2] for row in rows if len(row) > 2}
        return states.items() <= found.items()

    await asyncio.to_thread(terminal.until, told, f"{states} are not shown")


async def test_a_year_of_schedules_passes_and_silence_and_health_are_seen(year: Year) -> None:
    await year.add("weekly", Timing(cron="0 3 * * 1"), expect_ms=15 * DAY)
    flow = year.house.paths.home.parent / "month.yaml"
    flow.write_text(SUCCEED.format("month"))
    argv = [sys.executable, "-P", str(SET_CLOCK), str(year.shift), "--home", str(year.house.paths.home)]
    with Terminal(argv, size=SIZE) as terminal:
        await sees(terminal, " Pulse")
        terminal.press("5")
        await sees(terminal, "Schedules  1 schedule", "weekly")
        terminal.press("a")
        await sees(terminal, "Add a schedule")
        terminal.press("month-end", "enter", "right", "right", "enter", "last working day at 18:00", "enter")
        await sees(terminal, "next        Mon 2025-06-30 18:00 +00:00, Thu 2025-07-31 18:00")
        terminal.press("enter", str(flow), *["shift+tab"] * 5, "enter")
        await sees(terminal, "schedule month-end: added, next Mon 2025-06-30 18:00", "weekly", "month-end")
        await year.pass_days(182)
        # Half a year: each fire had its job, and what is old was purged meanwhile.
        await sees(terminal, "✓ succ", "6d12h", "17d2h")
        await stand(terminal, weekly="on", month_end="on")
        terminal.press("G", "p")
        await sees(terminal, "pause schedule weekly", "1 paused")
        await stand(terminal, weekly="paused", month_end="on")
        await year.pass_days(30)
        # A pause that was forgotten is told after the time in which a success is expected.
        await stand(terminal, weekly="silent", month_end="on")
        terminal.press("8")
        await sees(terminal, "Health  1 critical", "silence", "✗ critical", "no success in time")
        terminal.press("escape", "5")
        await stand(terminal, weekly="silent")
        terminal.press("p")
        await sees(terminal, "resume schedule weekly")
        terminal.press("T")
        await sees(terminal, "Trigger weekly now? [y/N]")
        terminal.press("y")
        await sees(terminal, "trigger weekly: job")
        await stand(terminal, weekly="on")
        await year.pass_days(153)
        await stand(terminal, weekly="on", month_end="on")
        terminal.press("8")
        screen = await sees(terminal, "Health  all is well")
        assert all(cells(line) <= SIZE[0] for line in screen.splitlines())
        terminal.press("q")
        await asyncio.to_thread(terminal.ends)
    assert b"Traceback" not in bytes(terminal.written)
    counts = dict(year.house.rows("SELECT status, sum(n) FROM fire GROUP BY 1"))
    assert counts == {"submitted": 61, "skipped": 5}
