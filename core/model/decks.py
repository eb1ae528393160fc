"""Decks: the homes and hosts that a console can be connected to.

Remembered by `core.files.known_decks`; shown by the command `homes` and the console.
"""

from __future__ import annotations

import shlex
from enum import StrEnum

from msgspec import Struct

from core.model.text import SafeText, safe_line


class DeckName(Struct, frozen=True, kw_only=True):
    """Names a deck: a data directory of this machine, or a host and, if not its usual one, one there."""

    home: str = ""
    """On this machine always absolute."""
    host: str = ""
    """'' = this machine."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flags that name it on a command line."""
        host = ("--host", self.host) if self.host else ()
        return (*host, *(("--home", self.home) if self.home else ()))

    @property
    def order(self) -> str:
        """Return what is typed behind the colon of the console to get there."""
        home = [self.home] if self.home else []
        return shlex.join(["host", self.host, *home] if self.host else ["home", *home])

    @property
    def text(self) -> SafeText:
        """Return it as people read it."""
        return safe_line(f"{self.host}:{self.home}" if self.host and self.home else self.host or self.home)


class KnownDeck(Struct, frozen=True, kw_only=True):
    """A deck that the operator had open; `used_at` in ms UTC."""

    name: DeckName
    used_at: int
    remote_command: str = ""
    """How taskdeck is called there, where the operator said so."""


class DeckState(StrEnum):
    """How a deck was found."""

    ANSWERS = "answers"
    NO_ENGINE = "no engine"
    """It is there, and opening it starts an engine."""
    UNREACHABLE = "unreachable"
    """No such directory or machine, or it did not answer in time."""
    REFUSED = "refused"
    """It is there and cannot be used: of another user, or of another version."""


class DeckSight(Struct, frozen=True, kw_only=True):
    """How a deck was found, and what more there is to say: its version, or why not."""

    state: DeckState
    note: str = ""
