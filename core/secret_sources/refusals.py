"""Refusals of secrets that cannot be had, without their values.

Raised by the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.errors import NotFound, Unavailable
from core.model.near_misses import one_of
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Collection

_TAKE = "then run 'taskdeck config reload'"


class SecretUnreadable(Unavailable):
    """Report that a secret cannot be read now; the next attempt may be luckier."""


def unknown(name: str, known: Collection[str]) -> NotFound:
    """Return the refusal of a name that is not configured."""
    shown = safe_line(name[:200])
    return NotFound(
        "secret.unknown",
        f"`secrets.{shown}` is not configured{one_of(name, known)}",
        hint=f"add [secrets.{shown}] to config.toml of the engine, {_TAKE}",
        facts={"secret": shown},
    )


def unreadable(name: str, reason: str, *, hint: str) -> SecretUnreadable:
    """Return the refusal of a secret that is not where the configuration says."""
    return SecretUnreadable(
        "secret.unreadable",
        f"`secrets.{name}`: {safe_line(reason)}",
        hint=hint,
        facts={"secret": name},
    )


def unusable(name: str, reason: str) -> SecretUnreadable:
    """Return the refusal of a value that cannot be a secret."""
    return SecretUnreadable(
        "secret.unusable",
        f"`secrets.{name}` {reason}",
        hint="put another value there; the next attempt reads it",
        facts={"secret": name},
    )
