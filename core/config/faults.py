"""Faults of the tables of config.toml, collected with their lines.

Used by the capacity; raised all at once.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from core.config.positions import KeyPath, Positions
from core.model.errors import Fault, InvalidDocument
from core.model.near_misses import did_you_mean
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.config.files import ConfigFile

UNKNOWN, VALUE = "config.unknown", "config.value"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY_MAX = 64


class Faults:
    """What is wrong in one file, in the order in which it was found."""

    def __init__(self, file: ConfigFile) -> None:
        self._file = file
        self.found: list[Fault] = []

    @cached_property
    def _positions(self) -> Positions:
        return Positions(self._file.text)

    def add(self, path: KeyPath, reason: str, *, code: str = VALUE) -> None:
        """Note what is wrong with the key at a path."""
        shown = written(path)
        self.found.append(
            Fault(
                code=code,
                message=safe_line(f"`{shown}`: {reason}"),
                line=self._positions.line(path),
                path=safe_line(shown),
            )
        )

    def unknown(self, path: KeyPath, known: Collection[str], *, noun: str = "key") -> None:
        """Note a key that does not exist, with the closest that does."""
        self.add(path, f"unknown {noun}{did_you_mean(str(path[-1]), known)}", code=UNKNOWN)


def refusal(file: ConfigFile, faults: Sequence[Fault]) -> InvalidDocument:
    """Return what is raised for faults of a file, in the order of their lines."""
    return InvalidDocument(
        safe_line(str(file.path)),
        sorted(faults, key=lambda fault: fault.line or 0),
        many="config.invalid",
        hint="fix the file, then run 'taskdeck config check'",
    )


def written(path: KeyPath) -> str:
    """Return a path as TOML writes it: `prices."gpt 4"[1].input`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key + 1}]"
            continue
        name = key if len(key) <= _KEY_MAX else f"{key[:_KEY_MAX]}..."
        text += ("." if text else "") + (name if _BARE.fullmatch(name) else f'"{name}"')
    return text
