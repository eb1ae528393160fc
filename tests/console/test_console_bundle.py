"""Bundles in the console: written by a key, and marked when open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.desk import ShownBundle
from console.exports.bundle_order import BundleOrder
from console.protection.gate import OF_BUNDLE
from console.shell.app import ConsoleApp, ConsoleOptions
from core.model.errors import Unavailable
from core.model.text import SafeText, safe_line
from tests.console.support_console import HOSTILE, Operator
from tests.console.support_fake_control import NOW, FakeControl

OPEN = ShownBundle(file=Path(f"/x/night{HOSTILE}.zip"), jobs=(2,), at=NOW)


class Writer:
    """Writes a file at once, or waits until it is stopped."""

    def __init__(self, *, waits: bool = False, fails: bool = False) -> None:
        self.orders: list[BundleOrder] = []
        self.waits, self.fails = waits, fails

    async def __call__(self, order: BundleOrder) -> SafeText:
        self.orders.append(order)
        order.tell(f"rows: 1,000{HOSTILE}")
        if self.waits:
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable("bundle.file", "the disk is full")
        order.path.write_bytes(b"bundle")
        return safe_line(f"job {order.jobs} is in {order.path.name}")


def stocked() -> FakeControl:
    control = FakeControl()
    for name in ("nightly", f"other{HOSTILE}"):
        job = control.add_job(name, status="failed", finished_at=NOW)
        control.add_task(job, "key", status="failed", attempts=1)
    return control


@asynccontextmanager
async def console(
    control: FakeControl, options: ConsoleOptions, *, size: tuple[int, int] = (120, 35)
) -> AsyncIterator[Operator]:
    """Run the console on a control with these options."""
    app = ConsoleApp(control, options)
    async with app.run_test(size=size) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("help")
        yield operator


async def to_jobs(operator: Operator) -> None:
    await operator.press("2")
    await operator.sees("nightly")
    await operator.quiet()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_job_of_a_list_or_screen_is_written_and_a_file_is_replaced_by_y_alone(
    size: tuple[int, int], tmp_path: Path
) -> None:
    writer = Writer()
    async with console(stocked(), ConsoleOptions(tick=0, bundle_writer=writer), size=size) as operator:
        await to_jobs(operator)
        await operator.press("b")
        await operator.sees("Bundle of job", ".zip")
        await operator.press("enter")
        await operator.hears("is in job-")
        await operator.press("enter")
        await operator.quiet()
        await operator.press("b", "enter")
        await operator.sees("Overwrite it? [y/N]")
        await operator.press("enter")
        await operator.sees("Bundle of job")
        await operator.press("enter")
        await operator.sees("Overwrite it? [y/N]")
        await operator.press("y")
        await operator.until(lambda: len(writer.orders) == 2, "a second bundle")
    assert [order.replaces for order in writer.orders] == [False, True]
    assert writer.orders[0].jobs == writer.orders[1].jobs
    assert (tmp_path / f"job-{writer.orders[0].jobs[0]}.zip").exists()


async def test_marked_jobs_are_in_one_bundle_and_the_key_stops_one_that_is_written() -> None:
    writer = Writer(waits=True)
    async with console(stocked(), ConsoleOptions(tick=0, bundle_writer=writer)) as operator:
        await to_jobs(operator)
        await operator.press("g", "space", "space", "b", "enter")
        await operator.sees("bundle: rows: 1,000␛[31m", "b stops")
        await operator.press("b")
        await operator.hears("the bundle was stopped: no file was written")
        await operator.misses("b stops")
    assert len(writer.orders[0].jobs) == 2


async def test_a_bundle_that_fails_says_why_and_no_job_is_no_bundle() -> None:
    writer = Writer(fails=True)
    async with console(stocked(), ConsoleOptions(tick=0, bundle_writer=writer)) as operator:
        await to_jobs(operator)
        await operator.press("b", "enter")
        await operator.hears("no bundle was written: the disk is full")
    async with console(FakeControl(), ConsoleOptions(tick=0, bundle_writer=writer)) as operator:
        await operator.press("2")
        await operator.quiet()
        await operator.press("b")
        await operator.hears("no job here to bundle")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_every_screen_of_an_open_bundle_is_marked_and_verbs_are_refused(size: tuple[int, int]) -> None:
    options = ConsoleOptions(tick=0, bundle=OPEN, read_only=OF_BUNDLE)
    control = stocked()
    async with console(control, options, size=size) as operator:
        for key in "1234700":
            await operator.press(key)
            await operator.sees("BUNDLE night␛[31m"[: size[0] - 2])
        await to_jobs(operator)
        await operator.press("enter")
        await operator.sees("BUNDLE night")
        await operator.press("x")
        await operator.hears("this is a bundle: it shows what was")
        await operator.press("b")
        await operator.hears("this is a bundle: copy its file")
        await operator.press("E")
        await operator.hears("no engine belongs to it")
    assert not [verb for verb, _ in control.asked if verb not in ("changes", "status")]
