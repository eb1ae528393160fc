"""Paths: which data directory, and where its files are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = "TASKDECK_HOME"
"""The variable that names the data directory; not a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where the files of one data directory are."""

    home: Path

    @property
    def db(self) -> Path:
        """The store."""
        return self.home / "taskdeck.db"

    @property
    def socket(self) -> Path:
        """Where the engine listens."""
        return self.home / "engine.sock"

    @property
    def lock(self) -> Path:
        """What the one engine holds."""
        return self.home / "engine.lock"

    @property
    def output(self) -> Path:
        """The attempt directories: `output/<task>/<epoch>/`."""
        return self.home / "output"

    @property
    def logs(self) -> Path:
        """The log files."""
        return self.home / "logs"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.home / "config.toml"


def find_home(home: Path | None, *, default: Callable[[], Path]) -> Path:
    """Return the data directory, absolute: the one given, else $TASKDECK_HOME, else `default()`."""
    named = home or os.environ.get(HOME)
    return (Path(named).expanduser() if named else default()).absolute()
