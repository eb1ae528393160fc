"""What the loop of notices asks of the store.

Sent by the engine; applied by the store.
"""

from __future__ import annotations

from core.model.commands.work import ENGINE, Command
from core.model.notices import Delivery, Draft, Signal


class ConfigureNotices(Command[None], frozen=True, kw_only=True):
    """Follow the history for these sinks alone; a new one hears of what comes from now on."""

    sinks: tuple[str, ...]


class DraftNotices(Command[bool], frozen=True, kw_only=True):
    """Note what sinks are to hear of the events up to one, and that these were looked at.

    Answers False where another engine has looked on since `after`: then nothing is written.
    """

    after: int
    upto: int
    drafts: tuple[Draft, ...] = ()


class BeginDelivery(Command[Delivery | None], frozen=True, kw_only=True):
    """Begin a try for a sink: of the delivery that is under way, else of all that is new; None = nothing."""

    sink: str


class EndDelivery(Command[None], frozen=True, kw_only=True):
    """Note how a try ended: `error` empty = it was sent; else it is tried again at `again_at`, or never."""

    number: int
    sink: str
    error: str = ""
    again_at: int | None = None
    """Engine time."""
    subject: str = ""
    """For consoles that are open: what is told."""
    signals: tuple[Signal, ...] = ()
    """How they tell it; empty = they do not."""
    actor: str = ENGINE
