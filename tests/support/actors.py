"""Actors as rows and events have them in tests."""

from __future__ import annotations

from core.host import effective_user
from core.model.actors import Door, claim, signed


def by(label: str | None = None, door: Door = Door.API) -> str:
    """Return the actor of a request by the user of the tests."""
    return signed(claim(door, label), effective_user())
