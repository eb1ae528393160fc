"""A menu of letters and what they mean."""

from __future__ import annotations

from console.dialogs.menu import MenuDialog
from core.model.text import SafeText
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl

LONG = SafeText("a line that is longer than a narrow terminal and shorter than a wide one, to its END")


async def test_the_lines_of_a_menu_are_cut_for_each_width_of_the_terminal() -> None:
    async with console(FakeControl(), size=(40, 20)) as operator:
        operator.app.push_screen(MenuDialog(SafeText("Which?"), {"a": LONG}))
        screen = await operator.sees("Which?", "a  a line that is")
        assert "END" not in screen
        await operator.resize(120, 20)
        await operator.sees("END")
        await operator.resize(40, 20)
        screen = await operator.sees("a  a line that is")
        assert "END" not in screen
