"""What a session that can write bundles is asked for.

Made by the app, carried out by the console's sessions: only these know how a bundle is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.control.api import ReadingAPI
from core.model.text import SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOrder:
    """The jobs and the file of a bundle."""

    control: ReadingAPI
    jobs: tuple[int, ...]
    path: Path
    replaces: bool
    """A file that is there may be replaced: the operator said so."""
    tell: Callable[[str], None]
    """Gets how far it is, at most a few times a second."""


class BundleWriter(Protocol):
    """Writes bundles."""

    async def __call__(self, order: BundleOrder) -> SafeText:
        """Write one whole, or nothing, and say what was written; raise `TaskdeckError`."""
