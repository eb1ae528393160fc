"""Parser of the flags of the console and of `dial-stdio`.

Used by every session.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from core.model.errors import Invalid
from core.model.paths import named_home

WATCH_SECONDS = 2.0
"""Between two overviews when --watch names no other time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleFlags:
    """Which engine the console shows, and how."""

    home: Path | None
    host: str | None
    """`user@box`: the engine is there, and so is `home`."""
    remote_command: str | None
    embedded: bool
    """The engine runs in this process."""
    read_only: bool
    """The console changes nothing, and starts no engine."""
    plain: bool
    """Lines of text instead of the screen."""
    watch: float | None
    """Seconds between two overviews in lines; None = one overview."""
    bundle: Path | None = None
    """The file of a bundle that is shown, read-only, in the place of an engine."""

    @property
    def wants_lines(self) -> bool:
        """Whether lines of text are asked for instead of the screen."""
        return self.plain or self.watch is not None

    @property
    def in_lines(self) -> bool:
        """Whether lines of text are written: they are asked for, or no screen can be drawn."""
        return self.wants_lines or not can_draw()


@dataclass(frozen=True, slots=True, kw_only=True)
class DialFlags:
    """Which engine `dial-stdio` bridges to."""

    home: Path | None
    start: bool


def can_draw() -> bool:
    """Tell whether standard input and output are a terminal that can show a full screen."""
    can_move = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return can_move and sys.stdin.isatty() and sys.stdout.isatty()


def read_flags(arguments: Sequence[str]) -> ConsoleFlags:
    """Read the flags of the console; raise `Invalid` (`usage`)."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("--home", type=_home)
    parser.add_argument("--host", type=_host)
    parser.add_argument("--remote-command")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--watch", nargs="?", type=_seconds, const=WATCH_SECONDS)
    parser.add_argument("--bundle", type=_file)
    flags = ConsoleFlags(**vars(parser.parse_args(arguments)))
    if flags.embedded and flags.host:
        raise _refusal("--embedded is an engine in this process, --host one on another machine: choose one")
    if flags.embedded and flags.wants_lines:
        raise _refusal("--embedded needs the screen: --plain and --watch start no engine")
    if flags.embedded and flags.read_only:
        raise _refusal("--embedded starts an engine and --read-only changes nothing: choose one")
    if flags.bundle and (flags.home or flags.host or flags.embedded):
        raise _refusal("--bundle shows a file, without --home, --host or --embedded: choose one")
    if flags.remote_command and not flags.host:
        raise _refusal("--remote-command needs a --host")
    return flags


def read_dial(arguments: Sequence[str]) -> DialFlags:
    """Read the flags of `dial-stdio`; raise `Invalid` (`usage`)."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("--home", type=_home)
    parser.add_argument("--start", action="store_true")
    return DialFlags(**vars(parser.parse_args(arguments)))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _refusal(message)


def _refusal(message: str) -> Invalid:
    return Invalid("usage", message, hint="see: taskdeck --help")


def _home(text: str) -> Path:
    return named_home(text, by="--home")


def _file(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("--bundle names no file")
    return Path(text).expanduser()


def _host(text: str) -> str:
    # ssh would read it as one of its options.
    if not text or text.startswith("-") or any(char.isspace() for char in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host: write USER@BOX")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and 0.1 <= seconds <= 86_400):
        raise argparse.ArgumentTypeError("the seconds have to be between 0.1 and 86400")
    return seconds
