"""Desk: what every screen works with: control, verbs, feed, theme.

Made by the app, passed to each screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.feed import Feed
from console.last_look import LastLook
from console.looks import Looks
from console.memory import Memory
from console.navigation.saved_views import Views
from console.protection.gate import Gate
from console.themes import Look
from console.verbs.operations import Operations
from core.control.api import ControlAPI


@dataclass(slots=True, kw_only=True)
class Desk:
    """The control, its gate, the verbs, the feed, and the look of the present theme."""

    control: ControlAPI
    """Its changes pass the gate, or are refused."""
    gate: Gate
    operations: Operations
    feed: Feed
    looks: Looks
    theme: str
    views: Views
    memory: Memory
    last_look: LastLook
    keymap: Mapping[str, str]
    """The user's own keys by the id of their action."""
    host: str = ""
    """The machine of the engine; '' = this one."""
    frozen: bool = False
    """The operator has frozen the screens."""

    @property
    def look(self) -> Look:
        """The present look."""
        return self.looks[self.theme]
