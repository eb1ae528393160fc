"""NoteEngine: what was asked of the engine, for its history.

Sent by the engine; applied by the store.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from core.model.commands.work import Command
from core.model.values import JsonObject


class EngineEvent(StrEnum):
    """What is asked of an engine while it runs, and how it does."""

    STOP_REQUESTED = "engine.stop_requested"
    RESUMED = "engine.resumed"
    """A drain was taken back."""
    CLAIMS_CLOSED = "claims.closed"
    """Nothing is claimed any more, for want of room."""
    CONFIG_REFUSED = "config.refused"
    """What a signal asked to be read again has faults, or needs a restart."""
    HEALTH = "engine.health"
    """A measure went past a line of its, or is better again."""
    BLOCKED = "engine.blocked"
    """The loop did not come round; what blocked it."""


class NoteEngine(Command[None], frozen=True, kw_only=True):
    """Write into the history what was asked of the engine, or how it does; no row changes."""

    kind: EngineEvent
    actor: str
    data: JsonObject = field(default_factory=dict)
