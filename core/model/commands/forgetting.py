"""Commands that forget what belongs to no job any more.

Made by the engine's retention, of what the reports found.
"""

from __future__ import annotations

from core.model.commands.work import Command
from core.model.retention import Forgettable

MAX_PER_BATCH = 500
"""Rows that one command forgets at the most."""


class BeginForgetting(Command[int], frozen=True, kw_only=True):
    """Note what is forgotten from here on; answered with the event, which stands for the older ones."""

    before: int
    """ms UTC."""


class Forget(Command[int], frozen=True, kw_only=True):
    """Forget these as far as they may still go; answered with how many rows went."""

    what: Forgettable
    refs: tuple[str | int, ...]
    before: int
    """Only what is older (ms UTC)."""
    event: int
    """The event of `BeginForgetting`; 0 = nothing refers to it."""
