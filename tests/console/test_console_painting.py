"""Count the bytes: what did not change is not written."""

from __future__ import annotations

from textual._compositor import CompositorUpdate
from textual.screen import Screen

from console.terminal.driver import CountingDriver
from tests.console.support_console import Operator, console
from tests.console.support_fake_control import FakeControl

BUDGET = 120
"""Bytes for one changed cell."""


def wiretap(operator: Operator) -> list[str]:
    """Return a list that grows by everything that would be written to the terminal."""
    written: list[str] = []

    def display(screen: Screen, update: CompositorUpdate | None) -> None:
        if update is not None:
            written.append(update.render_segments(operator.app.console))

    operator.app._display = display
    return written


async def settled(operator: Operator) -> None:
    """Let two ticks pass, so that nothing of the start is left to be written."""
    for _ in range(2):
        await operator.beat()
        await operator.until(
            lambda: all(worker.is_finished for worker in operator.app.workers), "work goes on"
        )
        await operator.pilot.pause()


async def test_ticks_without_a_change_and_a_changed_cell_cost_few_bytes() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    for number in range(30):
        control.add_task(job, f"task_{number}", error={"message": "before"})
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("task_0")
        await settled(operator)
        written = wiretap(operator)
        await settled(operator)
        control.set_task(20, error={"message": "after"})
        await settled(operator)
        await operator.until(lambda: "after" in "".join(written), "the change was not written")
        assert len("".join(written)) <= BUDGET


async def test_a_tick_is_skipped_while_frames_wait_to_be_written(monkeypatch) -> None:
    control = FakeControl()
    async with console(control) as operator:
        await settled(operator)
        driver = CountingDriver(operator.app)
        assert driver.pending == 0
        with monkeypatch.context() as patch:
            patch.setattr(CountingDriver, "pending", 2)
            patch.setattr(operator.app, "_driver", driver)
            operator.app.updates.poll()
            assert [worker for worker in operator.app.workers if not worker.is_finished] == []
        operator.app.updates.poll()
        assert [worker for worker in operator.app.workers if not worker.is_finished]
