"""What tasks get of the surroundings of who asks for them.

Called by admission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.model.surroundings import Surroundings
from core.model.values import JsonObject
from core.store.sql import pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of some surroundings: the stored form, and its text; both empty = nothing."""

    stored: JsonObject
    text: str


NOTHING = Kept(stored={}, text="")


class KeptSurroundings:
    """Keep the variables that are harmless or allowed by `env_allow`."""

    def __init__(self, env_allow: Sequence[str]) -> None:
        self.allow(env_allow)

    def allow(self, names: Sequence[str]) -> None:
        """Keep these variables too, from now on."""
        self._allowed = frozenset(names)
        self._last: tuple[Surroundings | None, Kept] = None, NOTHING

    def of(self, surroundings: Surroundings | None) -> Kept:
        """Return what is kept of them; a program that asks again has most often the same."""
        if surroundings is None:
            return NOTHING
        if surroundings != self._last[0]:
            stored = surroundings.allowed(self._allowed).to_json()
            self._last = surroundings, Kept(stored=stored, text=text_of(stored))
        return self._last[1]


def text_of(stored: JsonObject) -> str:
    """Return the text of a stored form; that of nothing is empty."""
    return pack(stored) if stored else ""
