"""The bell, and notifications of the desktop by OSC 9.

Written by the commands that wait, and by the console.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.text import SafeText

BELL = "\x07"
_UNFIT = ("linux", "dumb")
"""Terminals that may write the words of a sequence that they do not know on the screen."""


def desktop_notice(sentence: SafeText, *, environ: Mapping[str, str]) -> str:
    """Return what shows a sentence as a notification; empty for a terminal that may not know it."""
    if environ.get("TERM", "") in _UNFIT:
        return ""
    # Safe text holds no control character, so that nothing in it ends the sequence early.
    plain = f"\x1b]9;taskdeck: {sentence}{BELL}"
    # tmux drops a sequence that it does not know, and passes on what is wrapped, with `allow-passthrough`.
    return f"\x1bPtmux;\x1b{plain}\x1b\\" if environ.get("TMUX") else plain
