"""Go to: what a text behind the colon means; decisions alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from console.navigation.history import Spot

ABOUT = {"job": "jobs", "graph": "jobs", "task": "tasks", "log": "tasks"}
"""Places that are about one thing with a number, and the screen they are opened from."""
ALIASES = {"dead": "retries", "trouble": "retries", "home": "pulse"}
"""Other names of screens."""
_NUMBERED = re.compile(r"([a-z]+)\s+#?([0-9]{1,18})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A number of which nobody knows yet whether a task or a job has it."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Keep the present filter under a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Put a kept filter in force."""

    name: str


Wish: TypeAlias = Spot | Ref | Save | Recall


def read_wish(text: str, roots: Sequence[str]) -> Wish | None:
    """Return what is meant; None = there is no such thing. First letters name a screen."""
    said = " ".join(text.split())
    word, _, rest = said.partition(" ")
    if said.startswith("'"):
        return Recall(name=said[1:].strip())
    if word == "save":
        return Save(name=rest) if _NAME.fullmatch(rest) else None
    if re.fullmatch(r"#?[0-9]{1,18}", said):
        return Ref(number=int(said.removeprefix("#")))
    numbered = _NUMBERED.fullmatch(said.lower())
    if numbered:
        place = numbered[1]
        known = ABOUT.get(place)
        return None if known is None else Spot(root=known, place=place, subject=int(numbered[2]))
    if word.lower() == "queue" and rest:
        return Spot(root="queues", place="queue", subject=rest)
    root = _root(said.lower(), roots)
    return None if root is None else Spot(root=root, place=root)


def _root(said: str, roots: Sequence[str]) -> str | None:
    named = ALIASES.get(said)
    if named in roots:
        return named
    return next((root for root in roots if said and root.startswith(said)), None)
