"""Desk: what every screen works with: control, verbs, feed, theme.

Made by the app, passed to each screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.feed import Feed
from console.last_look import LastLook
from console.looks import Looks
from console.memory import Memory
from console.navigation.saved_views import Views
from console.protection.gate import Gate
from console.themes import Look
from console.verbs.backends import BackendVerbs
from console.verbs.capacity import CapacityVerbs
from console.verbs.operations import Operations
from console.verbs.schedules import ScheduleVerbs
from console.verbs.work_items import ItemVerbs
from core.control.api import ControlAPI
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBundle:
    """The bundle that the console shows in the place of an engine."""

    file: Path
    jobs: tuple[int, ...]
    at: int
    """When its rows were read, ms UTC."""
    unpacked: Path | None = None
    """The folder that is gone with the console."""
    cut: str = ""
    """Which outputs were cut when it was made; '' = none was."""

    def mark(self) -> SafeText:
        """Return what stands before every title."""
        return safe_line(f"BUNDLE {self.file.name} · read-only")


@dataclass(slots=True, kw_only=True)
class Desk:
    """The control, its gate, the verbs, the feed, and the look of the present theme."""

    control: ControlAPI
    """Its changes pass the gate, or are refused."""
    gate: Gate
    operations: Operations
    capacity: CapacityVerbs
    backends: BackendVerbs
    schedules: ScheduleVerbs
    items: ItemVerbs
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
    bundle: ShownBundle | None = None
    """None = the control is that of an engine."""
    work: SafeText = SafeText("")
    """How far long work beside the screens is, for the status bar; '' = there is none."""
    frozen: bool = False
    """The operator has frozen the screens."""

    @property
    def mark(self) -> SafeText:
        """What stands before the title of every screen, '' where the present is shown."""
        return SafeText("") if self.bundle is None else self.bundle.mark()

    @property
    def look(self) -> Look:
        """The present look."""
        return self.looks[self.theme]
