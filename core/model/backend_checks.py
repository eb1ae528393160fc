"""Checks of backends: what is looked at, how often, what was seen.

Configured with a backend; carried out by the engine, remembered by the store. Times are ms.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

EVERY_MS, TIMEOUT_MS = 30_000, 5_000
KEPT = 100
"""Changes of state that are remembered of one backend."""


class CheckStatus(StrEnum):
    """What a check says of its backend."""

    UNKNOWN = "unknown"
    """It was not looked at yet, or what is looked at has changed."""
    UP = "up"
    SLOW = "slow"
    """It answers, later than its `slow`; tasks go on."""
    DOWN = "down"
    """Nothing of it starts."""


class HttpTarget(Struct, frozen=True, kw_only=True, tag="http"):
    """An address that must answer a GET with a status from 200 to 399."""

    url: str


class TcpTarget(Struct, frozen=True, kw_only=True, tag="tcp"):
    """A port that must take a connection."""

    host: str
    port: int


class CommandTarget(Struct, frozen=True, kw_only=True, tag="command"):
    """A command that must end with 0."""

    argv: tuple[str, ...]


Target: TypeAlias = HttpTarget | TcpTarget | CommandTarget


class Check(Struct, frozen=True, kw_only=True):
    """How a backend is looked at."""

    target: Target
    every_ms: int = EVERY_MS
    timeout_ms: int = TIMEOUT_MS
    slow_ms: int | None = None
    """An answer that takes longer is slow; None = none is."""
    rise: int = 2
    """Answers in a row that make it up again."""
    fall: int = 2
    """Looks without an answer in a row that make it down; late answers that make it slow."""


class Look(Struct, frozen=True, kw_only=True):
    """What one look at a backend found."""

    answered: bool
    took_ms: int
    text: str
    """One line: what was answered, or why nothing was."""


class CheckChange(Struct, frozen=True, kw_only=True):
    """A change of what a check says; `at` in ms UTC."""

    at: int
    status: CheckStatus
    reason: str = ""
    took_ms: int | None = None


class LastLook(Struct, frozen=True, kw_only=True):
    """The last look of an engine that runs."""

    at: int
    """ms UTC."""
    look: Look
    toward: CheckStatus | None = None
    """What the backend is on the way to; None = it stands as it is."""
    seen: int = 0
    """Looks in a row that say so."""
    wanted: int = 0
    """How many make it so."""


class CheckView(Struct, frozen=True, kw_only=True):
    """A check and what it says of its backend."""

    backend: str
    check: Check
    changes: tuple[CheckChange, ...] = ()
    """The newest first; none = nothing is known of it."""
    last: LastLook | None = None
    """None = no engine runs, or it has not looked yet."""

    @property
    def status(self) -> CheckStatus:
        """Return what it says now."""
        return self.changes[0].status if self.changes else CheckStatus.UNKNOWN


def target_text(target: Target) -> str:
    """Return what is looked at as one line."""
    match target:
        case HttpTarget():
            return target.url
        case TcpTarget():
            host = f"[{target.host}]" if ":" in target.host else target.host
            return f"{host}:{target.port}"
        case CommandTarget():
            return " ".join(target.argv)
