"""Options from a command line or program, before settings are loaded.

Used by the console's sessions, the commands and the rest of this room.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.host import default_home
from core.model.actors import LABEL_VARIABLE, Door, claim
from core.model.paths import Paths, find_home, named_home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.config import Settings, Tables
    from core.model.health import Lines, Measure
    from core.model.limits.limits import Capacity


def _keep_quiet(_: str) -> None:
    """Say nothing: what matters is in the log."""


def own_claim(door: Door) -> str:
    """Return what this process says of itself: its door, and the label of its environment."""
    return claim(door, os.environ.get(LABEL_VARIABLE) or None)


class _Config(Protocol):
    """What is read of `core.config`."""

    def load(self, home: Path, **overrides: object) -> Settings:
        """Return the settings of a data directory."""

    def load_tables(self, home: Path, *, slots: int | None) -> Tables:
        """Return what its sections say."""


def _config() -> _Config:
    # Attaching needs none of it, and pydantic would cost each client half a second.
    from core import config

    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a command line or program chose; None = as configured."""

    home: Path | None = None
    slots: int | None = None
    connectors: tuple[str, ...] = ()
    """`module:object` references of connectors of others."""
    host: str | None = None
    """`user@box`: the engine, and the home named above, are on this host."""
    remote_command: str | None = None
    """How taskdeck is called on the host."""
    actor: str = claim(Door.API)
    """What the process says of itself when it starts an engine (`actors.claim`)."""
    tell: Callable[[str], None] = field(default=_keep_quiet, compare=False)
    """Gets a line for each step of what takes long before an engine answers."""

    @classmethod
    def of_program(cls, home: Path | str | None, *, slots: int | None = None) -> Options:
        """Return what a program chose; raise `Invalid` (`usage`) for an empty home."""
        return cls(home=named_home(home, by="home") if isinstance(home, str) else home, slots=slots)

    @property
    def engine_flags(self) -> list[str]:
        """The flags that pass these choices on to `taskdeck serve`."""
        slots = [] if self.slots is None else ["--slots", str(self.slots)]
        return [*slots, *(flag for name in self.connectors for flag in ("--connector", name))]

    @property
    def spawn_flags(self) -> list[str]:
        """The flags of an engine that is started for this process: the choices, and who starts it."""
        return [*self.engine_flags, "--started-by", self.actor]

    @property
    def paths(self) -> Paths:
        """The files of this home; nothing is created."""
        return Paths(home=find_home(self.home, default=default_home))

    def settings(self) -> Settings:
        """Read the settings of this home, of this machine's own for a host; raise `Invalid` (`config.*`)."""
        home = find_home(None if self.host else self.home, default=default_home)
        return _config().load(home, slots=self.slots)

    def capacity(self) -> Capacity:
        """Read the pools, limits, backends and prices of this home; raise `Invalid` (`config.*`)."""
        return self._tables().capacity

    def health_lines(self) -> Mapping[Measure, Lines]:
        """Read from where on measures of health warn; raise `Invalid` (`config.*`)."""
        return self._tables().health

    def _tables(self) -> Tables:
        return _config().load_tables(self.paths.home, slots=self.slots)
