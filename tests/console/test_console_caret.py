"""Tests of the cursor of the terminal, which follows row and field."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.widgets import Input

from tests.console.support_console import console, strips_of
from tests.console.support_fake_control import FakeControl


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly")
    for key in ("fetch", "parse", "load"):
        control.add_task(job, key, status="failed")
    return control


async def test_the_cursor_of_the_terminal_follows_the_row_and_the_field() -> None:
    async with console(stocked(), size=(100, 24), at="3") as operator:
        app = operator.app
        for key, word in (("g", "load"), ("j", "parse"), ("G", "fetch")):
            await operator.press(key)
            assert app.cursor_position.x == 0
            assert word in strips_of(app.screen)[app.cursor_position.y]
        await operator.press("slash", "a", "b")
        x, y = app.cursor_position
        assert strips_of(app.screen)[y][:x].endswith("ab")
        await operator.press("escape", "r")
        await operator.sees("[y/N]")
        assert app.cursor_position.y == 23


async def test_the_cursor_follows_the_node_of_a_graph() -> None:
    async with console(stocked(), size=(100, 24), at="2") as operator:
        await operator.press("enter", "v")
        await operator.sees("✗ fetch", "✗ load")
        x, y = operator.app.cursor_position
        assert strips_of(operator.app.screen)[y][x:].startswith("✗ ")


@pytest.mark.parametrize("key", ["slash", "colon"])
async def test_no_field_blinks_by_itself(key: str) -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press(key)
        assert operator.app.animation_level == "none"
        focused = operator.app.focused
        assert isinstance(focused, Input)
        assert not focused.cursor_blink
        assert operator.app.cursor_position != Offset(0, 0)
