"""The bell and notifications of the desktop, by the terminal.

Used by the watches and the notices of the app.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.driver import Driver

from core.model.text import SafeText
from core.render.terminal_notices import BELL, desktop_notice


def ring(driver: Driver | None) -> None:
    """Ring the bell of the terminal."""
    if driver is not None:
        driver.write(BELL)


def show_on_desktop(driver: Driver | None, sentence: SafeText, *, environ: Mapping[str, str]) -> None:
    """Show a sentence as a notification of the desktop, by OSC 9; a terminal without it shows nothing."""
    if driver is not None and (sequence := desktop_notice(sentence, environ=environ)):
        driver.write(sequence)
