"""Programs that are given the terminal until they end.

Used by the log and artifacts screens.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from textual.app import App, SuspendNotSupported

from core.model.text import SafeText, safe_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = (signal.SIGINT, signal.SIGQUIT)
"""What keys send to all programs of a terminal: meant for the one that is on the screen."""


def run_program(app: App[object], argv: Sequence[str]) -> SafeText:
    """Run a program on the terminal of the app; return what went wrong, '' = nothing."""
    try:
        with app.suspend(), _keys_left_to_child():
            ended = subprocess.run(argv, check=False, preexec_fn=_take_keys)
    except SuspendNotSupported:
        return SafeText("this terminal cannot be given to another program")
    except OSError as error:
        return safe_line(f"cannot run {argv[0]}: {error.strerror}")
    return SafeText("") if ended.returncode == 0 else safe_line(f"{argv[0]} ended with {ended.returncode}")


@contextmanager
def _keys_left_to_child() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _KEYS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_keys() -> None:
    for number in _KEYS:
        signal.signal(number, signal.SIG_DFL)
