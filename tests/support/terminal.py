"""A pseudo terminal: press keys, see the picture, keep every byte.

The picture is what a VT100 emulator makes of the bytes. `kinds` reduces a capture to the kinds
of its control sequences, for comparing two walks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from wcwidth import wcwidth

from tests.support.commands import kind_of
from tests.support.descriptors import is_readable
from tests.support.emulator import Screen, Stream
from tests.support.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "backspace": "\x7f",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    **{f"ctrl+{chr(letter)}": chr(letter - 96) for letter in range(ord("a"), ord("z") + 1)},
}
_CSI = re.compile(rb"\x1b\[([?<>=]?)([0-9;:]*)([ -/]*)([@-~])")
_OSC = re.compile(rb"\x1b\](\d*)[^\x07\x1b]*(?:\x07|\x1b\\)")
_STRING = re.compile(rb"\x1b[PX^_][^\x1b]*\x1b\\")
_OTHER = re.compile(rb"\x1b[ -/]*[0-~]")
_C0 = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_C1 = re.compile("[\x80-\x9f]")


class Terminal:
    """A command in a pseudo terminal of its own session."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environ: dict[str, str | None] | None = None,
    ) -> None:
        self.size = size
        columns, lines = size
        self.written = bytearray()
        self._drawn = 0
        self._screen = Screen(columns, lines)
        self._stream = Stream(self._screen)
        self._lines = [""] * lines
        self._picture = "\n".join(self._lines)
        kept = {key: value for key, value in os.environ.items() if key not in _UNSET}
        wanted = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **(environ or {})}
        env = {**kept, **{key: value for key, value in wanted.items() if value is not None}}
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = kind_of(argv, env)(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env=env,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def press(self, *keys: str) -> None:
        """Send keys: names of `KEYS`, or texts as they are."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())

    def read(self, seconds: float = 0.0) -> bytes:
        """Return what comes next within a time, empty if nothing does."""
        if not is_readable(self.master, seconds):
            return b""
        try:
            data = os.read(self.master, 65_536)
        except OSError:
            # The other side is closed for good.
            return b""
        self.written += data
        return data

    def picture(self) -> str:
        """Return what is on the screen now, trailing blanks cut."""
        while self.read():
            continue
        if self._drawn < len(self.written):
            # Only now: an emulator in Python takes longer than what it shows.
            self._stream.feed(bytes(self.written[self._drawn :]))
            self._drawn = len(self.written)
            self._draw()
        return self._picture

    @property
    def cursor(self) -> tuple[int, int]:
        """The column and the line of the cursor, from 0, as it was last drawn."""
        self.picture()
        return self._screen.cursor.x, self._screen.cursor.y

    def _draw(self) -> None:
        # A character that combines with the last one of a line marks the line below it.
        for number in {above for line in self._screen.dirty for above in (line, max(0, line - 1))}:
            self._lines[number] = _line(self._screen, number)
        self._screen.dirty.clear()
        self._picture = "\n".join(self._lines)

    def until(self, condition: Callable[[], object], story: str, *, within: float = DEADLINE) -> None:
        """Read on until a condition holds."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{story}; on the screen:\n{self.picture()}")
            self.read(0.05)

    def sees(self, *texts: str, within: float = DEADLINE) -> str:
        """Wait until all texts are on the screen; return the picture."""
        self.until(lambda: all(text in self.picture() for text in texts), f"{texts} not seen", within=within)
        return self.picture()

    def misses(self, *texts: str, within: float = DEADLINE) -> None:
        """Wait until none of the texts is on the screen."""
        self.until(lambda: not any(text in self.picture() for text in texts), f"{texts} seen", within=within)

    def settled(self, *, first: float = 1.0, quiet: float = 0.06, within: float = 5.0) -> str:
        """Read until nothing has come for a while, the first of it within its own; return the picture."""
        deadline = time.monotonic() + within
        self.read(first)
        while self.read(quiet) and time.monotonic() < deadline:
            continue
        return self.picture()

    def ends(self, *, within: float = DEADLINE) -> int:
        """Wait for the end of the command; return its status."""
        self.until(lambda: self.process.poll() is not None, "the command goes on", within=within)
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the line, as a dropped connection does."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """End the command if it still runs, and the line."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.master >= 0:
            self.hang_up()


def kinds(capture: bytes) -> set[str]:
    """Return the kinds of control sequences in a capture.

    CSI by final byte, with its numbers for modes and colours (`SGR 38;5`, `MODE ?25h`); OSC by number; other
    escapes, C0 (but carriage return and newline) and C1 characters as they are.
    """
    found: set[str] = set()
    rest = capture
    for pattern, name in ((_CSI, _csi), (_OSC, _osc), (_STRING, lambda m: f"STRING {m[0][:2]!r}")):
        # A capture has a hundred thousand of them, and few that differ.
        matches = {match[0]: match for match in pattern.finditer(rest)}
        found.update(word for match in matches.values() for word in _words(name(match)))
        rest = pattern.sub(b"", rest)
    found.update(f"ESC {match[0]!r}" for match in _OTHER.finditer(rest))
    rest = _OTHER.sub(b"", rest)
    found.update(f"C0 {match[0]!r}" for match in _C0.finditer(rest) if match[0] not in (b"\r", b"\n"))
    found.update(f"C1 {match[0]!r}" for match in _C1.finditer(rest.decode("utf-8", "replace")))
    return found


_UNSET = (
    # Starting would compile every file anew.
    "PYTHONDONTWRITEBYTECODE",
    "NO_COLOR",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "SSH_CONNECTION",
    "TMUX",
    "TASKDECK_HOME",
    "TASKDECK_THEME",
)


def _line(screen: Screen, number: int) -> str:
    """Return a line as the emulator's `display` has it, which draws all lines each time."""
    row = screen.buffer[number]
    line = [row[column].data for column in range(screen.columns)]
    if not (text := "".join(line)).isascii():
        # What stands in the second cell of a wide character is not seen.
        kept: list[str] = []
        for cell in line:
            is_second = bool(kept and kept[-1]) and wcwidth(kept[-1][0]) == 2
            kept.append("" if is_second else cell)
        text = "".join(kept)
    return text.rstrip()


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _words(found: str | set[str]) -> set[str]:
    return {found} if isinstance(found, str) else found


def _csi(match: re.Match[bytes]) -> str | set[str]:
    mark, numbers, middle, final = (part.decode() for part in match.groups())
    if final == "m" and not mark:
        return _attributes(numbers)
    if final in "hl":
        return f"MODE {mark}{numbers}{final}"
    return f"CSI {mark}{middle}{final}"


def _attributes(numbers: str) -> set[str]:
    """Return each attribute of an SGR; of a colour only how it is given, not which one."""
    found: set[str] = set()
    left = (numbers or "0").replace(":", ";").split(";")
    while left:
        number = left.pop(0)
        if number in ("38", "48", "58"):
            way = left.pop(0) if left else ""
            del left[: {"2": 3, "5": 1}.get(way, 0)]
            found.add(f"SGR {number};{way}")
        elif number in ("39", "49"):
            # The terminal's own colour.
            found.add(f"SGR {number}")
        elif number[:-1] in ("3", "4", "9", "10") and len(number) > 1:
            found.add(f"SGR {number[:-1]}n")
        else:
            found.add(f"SGR {number or '0'}")
    return found


def _osc(match: re.Match[bytes]) -> str:
    return f"OSC {match[1].decode()}"
