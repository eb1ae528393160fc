"""Flags: what a command line says that names no command, and what `dial-stdio` takes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

WATCH_SECONDS = 2.0
"""Between two overviews when --watch names no other time."""
_WITH_VALUE = ("--home", "--host", "--remote-command")
_ALONE = ("--embedded", "--plain", "--watch", "--read-only")


class BadFlags(Exception):
    """Refuse a combination of words; the text says which and why."""


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
    """Lines instead of a screen."""
    watch: float | None
    """Seconds between two overviews in lines; None = one overview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialFlags:
    """What `dial-stdio` bridges to."""

    home: Path | None
    start: bool


def names_command(words: Sequence[str]) -> bool:
    """Tell whether a command line has more on it than flags of the console."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _WITH_VALUE or (word == "--watch" and rest and not rest[0].startswith("-")):
            del rest[:1]
        elif word not in _ALONE and not word.startswith(("--watch=", *(f"{flag}=" for flag in _WITH_VALUE))):
            return _is_command(word)
    return False


def read_flags(words: Sequence[str]) -> ConsoleFlags:
    """Read the flags of the console; raise `BadFlags`."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--host", type=_host)
    parser.add_argument("--remote-command")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--watch", nargs="?", type=_seconds, const=WATCH_SECONDS)
    flags = ConsoleFlags(**vars(parser.parse_args(words)))
    if flags.embedded and flags.host:
        raise BadFlags("--embedded is an engine in this process, --host one on another machine: say one")
    if flags.embedded and (flags.plain or flags.watch is not None):
        raise BadFlags("--embedded needs the screen: lines are written without an engine of their own")
    if flags.embedded and flags.read_only:
        raise BadFlags("--embedded starts an engine, and --read-only changes nothing: say one")
    if flags.remote_command and not flags.host:
        raise BadFlags("--remote-command says what is run on the --host: name one")
    return flags


def read_dial(words: Sequence[str]) -> DialFlags:
    """Read the flags of `dial-stdio`; raise `BadFlags`."""
    parser = _Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--start", action="store_true")
    return DialFlags(**vars(parser.parse_args(words)))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadFlags(message)


def _is_command(word: str) -> bool:
    # An unknown flag is a mistyped one of the console; help and completion are for the commands.
    known = ("-h", "--help", "--json", "--version", "--install-completion", "--show-completion")
    return not word.startswith("-") or word in known


def _host(text: str) -> str:
    # Read by ssh as one of its options otherwise.
    if not text or text.startswith("-") or any(char.isspace() for char in text):
        raise argparse.ArgumentTypeError(f"{text!r} is no host")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and 0.1 <= seconds <= 86_400):
        raise argparse.ArgumentTypeError("seconds are from 0.1 to 86400")
    return seconds
