"""The bell and notifications of the desktop, by the terminal.

Used by the watches and the notices of the app.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.driver import Driver

from core.model.text import SafeText

BELL = "\x07"
_UNFIT = ("linux", "dumb")
"""Terminals that may write the words of a sequence that they do not know on the screen."""


def ring(driver: Driver | None) -> None:
    """Ring the bell of the terminal."""
    if driver is not None:
        driver.write(BELL)


def show_on_desktop(driver: Driver | None, sentence: SafeText, *, environ: Mapping[str, str]) -> None:
    """Show a sentence as a notification of the desktop, by OSC 9; a terminal without it shows nothing."""
    if driver is not None and environ.get("TERM", "") not in _UNFIT:
        driver.write(_osc_9(sentence, inside_tmux=bool(environ.get("TMUX"))))


def _osc_9(sentence: SafeText, *, inside_tmux: bool) -> str:
    # Safe text holds no control character, so that nothing in it ends the sequence early.
    plain = f"\x1b]9;taskdeck: {sentence}{BELL}"
    # tmux drops a sequence that it does not know, and passes on what is wrapped, with `allow-passthrough`.
    return f"\x1bPtmux;\x1b{plain}\x1b\\" if inside_tmux else plain
