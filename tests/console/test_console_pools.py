"""Pools and limits above the queues: slots, holders, pauses, resizing."""

from __future__ import annotations

from typing import cast

import pytest

from console.rows.pool_rows import pool_state, slots_text
from console.screens.queues import QueuesScreen
from core.model.commands.capacity import (
    CloseBackend,
    OpenBackend,
    PausePool,
    ResetBackend,
    ResizePool,
    ResumePool,
)
from core.model.records import replace
from core.model.text import cells
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, strips_of
from tests.console.support_fake_control import NOW
from tests.console.support_fake_money import MoneyControl, pool, stock_limits


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)


def stocked() -> MoneyControl:
    control = MoneyControl()
    job = control.add_job("nightly")
    control.add_task(job, "clean", status="running")
    control.add_task(job, "letter", queue="mail")
    return control


async def at_pools(operator: Operator, *texts: str) -> str:
    await operator.press("7")
    return await operator.sees("Pools and Queues", "POOL", *texts)


async def to_pools(operator: Operator) -> None:
    """Give the keys to the pools."""
    await operator.press("tab")
    pools = cast("QueuesScreen", operator.app.screen).panels.pools
    await operator.until(lambda: pools.has_focus, "Tab does not lead to the pools")


async def test_pools_tell_slots_holders_what_waits_and_why_they_are_paused() -> None:
    async with console(stocked(), size=(160, 40)) as operator:
        screen = await at_pools(operator, "2 pools  slots 2/6", "mail")
        default = next(line for line in screen.splitlines() if "●●○○ 2/4" in line)
        for word in ("default", "◐ open", "clean, load", "3m", "all"):
            assert word in default
        gpu = next(line for line in screen.splitlines() if line[1:].startswith("gpu"))
        for word in ("‖ paused", "○○ 0/2", "7", "gpu, default", "by ana (api), 3m ago: vendor"):
            assert word in gpu


async def test_limits_tell_what_is_used_and_when_they_open() -> None:
    async with console(stocked(), size=(160, 40)) as operator:
        screen = await at_pools(operator, "LIMIT", "db · db1")
        db = next(line for line in screen.splitlines() if "db · db1" in line)
        assert "◔ full" in db
        assert "3/3 ██████████" in db
        vendor = next(line for line in screen.splitlines() if line[1:].startswith("vendor"))
        for word in ("◔ full", "60/min", "5m"):
            assert word in vendor


async def test_backends_tell_what_they_let_through_and_what_shut_them() -> None:
    async with console(stocked(), size=(160, 40)) as operator:
        screen = await at_pools(operator, "BACKEND", "model-api")
        lines = {line.split()[0]: line for line in screen.splitlines() if line.strip()}
        for name, words in {
            "model-api": ("✗ open", "12", "by hand", "by ana (api): vendor", "model gpt-x"),
            "smtp": ("✓ closed", "http.5xx 3/5, timeout 1/5", "20%"),
            "files.example.org": ("‖ shut", "5m", "the server answered 429", "http calls of this host"),
        }.items():
            for word in words:
                assert word in lines[name], (word, lines[name])


async def to_backends(operator) -> None:
    panel = cast("QueuesScreen", operator.app.screen).panels.backends
    for _ in range(4):
        if not panel.has_focus:
            await operator.press("tab")
    await operator.until(lambda: panel.has_focus, "Tab does not lead to the backends")


async def test_p_closes_a_breaker_after_a_question_and_opens_it_at_once_with_an_undo() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pools(operator, "model-api")
        await operator.press("r")
        await operator.hears("this acts on backends: Tab goes there")
        await to_backends(operator)
        await operator.press("p")
        await operator.sees("Close the breaker of model-api (open by ana (api): vendor invoice)")
        await operator.press("y")
        await operator.sees("✓ closed")
        await operator.press("p")
        await operator.hears("open the breaker of model-api: nothing of it starts: z undoes it")
        await operator.sees("✗ open")
        await operator.press("z")
        await operator.hears("undo: open the breaker of model-api: nothing of it starts")
        await operator.press("ctrl+r")
        await operator.misses("✗ open")
        await operator.press("r")
        await operator.sees("Reset the breaker of model-api (closed): its failures are forgotten? [y/N]")
        await operator.press("y")
        await operator.sees("tried out")
        await operator.press("enter")
        await operator.sees("wait:down,shut,breaker")
        assert [asked.change for asked in control.capacity_changes] == [
            CloseBackend(name="model-api"),
            OpenBackend(name="model-api"),
            CloseBackend(name="model-api"),
            ResetBackend(name="model-api"),
        ]


async def test_plus_and_minus_resize_the_pool_under_the_cursor_and_ask() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pools(operator, "2/4")
        await operator.press("+")
        await operator.hears("resize acts on pools: Tab goes there")
        await to_pools(operator)
        await operator.press("+")
        await operator.sees("Resize pool default: 4 -> 5 slots? [y/N]")
        await operator.press("n", "+")
        await operator.sees("Resize pool default: 4 -> 5 slots? [y/N]")
        await operator.press("y")
        await operator.sees("●●○○○ 2/5")
        await operator.press("minus")
        await operator.sees("5 -> 4 slots")
        await operator.press("y")
        await operator.sees("●●○○ 2/4")
        assert [asked.change for asked in control.capacity_changes] == [
            ResizePool(name="default", slots=5),
            ResizePool(name="default", slots=4),
        ]


async def test_p_lets_a_pool_drain_at_once_and_z_takes_it_back() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pools(operator, "2/4")
        await to_pools(operator)
        await operator.press("p")
        await operator.hears("pause pool default (2 run on): z undoes it")
        await operator.sees("◒ draining")
        await operator.press("z")
        await operator.hears("undo: pause pool default")
        await operator.press("ctrl+r")
        await operator.misses("◒ draining")
        assert [asked.change for asked in control.capacity_changes] == [
            PausePool(name="default"),
            ResumePool(name="default"),
        ]


async def test_the_keys_of_queues_go_on_acting_on_queues() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pools(operator, "mail")
        await operator.press("p")
        await operator.hears("pause queue default: 1 changed")
        assert control.asked == [("pause", "default")]
        await to_pools(operator)
        await operator.press("space")
        await operator.hears("this acts on queues: Tab goes there")
        await operator.press("escape", "j", "enter")
        await operator.sees("/ queue:mail", "letter")


async def test_enter_on_a_pool_shows_what_runs_in_it_and_on_a_limit_its_gauges() -> None:
    async with console(stocked()) as operator:
        await at_pools(operator, "2/4")
        await to_pools(operator)
        await operator.press("enter")
        await operator.sees("/ status:running id:1,2", "clean")
        await operator.press("escape")
        await operator.sees("Pools and Queues")
        await operator.press("tab", "enter")
        await operator.sees("Limit db", "concurrency", "for queue db")


async def test_a_paused_pool_is_counted_in_the_strip() -> None:
    async with console(stocked()) as operator:
        await operator.beat()
        await operator.sees("7 Pools+Queues ‖1", "6 Budgets ✗1")


async def test_at_90_columns_the_strip_has_all_names_with_what_wants_attention() -> None:
    control = stocked()
    control.add_task(2, "held", status="held")
    control.add_task(2, "broken", status="failed")
    async with console(control, size=(90, 24)) as operator:
        await operator.press("7")
        await operator.beat()
        await operator.sees(
            "1 Pulse 2 Jobs 3 Tasks ■1 4 Retry ✗1 5 Sched 6 Money ✗1  7 Pools ‖1 8 Hlth 9 Ppl 0 Lost"
        )


def test_slots_are_cells_and_many_of_them_share_a_bar() -> None:
    assert slots_text(pool("a", slots=3, held=("x",))) == "●○○ 1/3"
    assert slots_text(pool("a", slots=1, held=("x", "y"))) == "●! 2/1"
    assert slots_text(pool("a", slots=0)) == "0/0"
    assert slots_text(replace(pool("a", slots=64), taken=16)) == "●●●●○○○○○○○○○○○○ 16/64"


def test_a_pool_that_is_removed_or_too_small_says_so() -> None:
    assert pool_state(pool("a", slots=1, held=("x", "y"))) == "over"
    assert pool_state(pool("a", slots=1, held=("x",))) == "full"
    assert pool_state(replace(pool("a", slots=1, held=("x",)), is_removed=True)) == "removed"


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (220, 60)])
async def test_pools_and_queues_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked()) as operator:
        await operator.resize(*size)
        await operator.press("7")
        screen = await operator.sees("Pools and Queues", "mail", "default", "‖ paused")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())


async def test_names_of_pools_and_holders_are_shown_as_glyphs() -> None:
    control = stocked()
    stock_limits(control)
    hostile = pool(HOSTILE, slots=2, held=(HOSTILE,), queues=(HOSTILE,))
    control.capacity_view = replace(control.capacity_view, pools=(hostile,))
    async with console(control, size=(220, 40)) as operator:
        await at_pools(operator, VISIBLE)
        await operator.press("+")
        await operator.sees(f"Resize pool {VISIBLE}")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
