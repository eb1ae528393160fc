"""Paths: the data directory, and where its files are.

Used by `core.app`, the commands and the console.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.model.errors import Forbidden, Unavailable
from core.model.text import safe_line

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


def ensure_home(home: Path) -> Paths:
    """Make the data directory, `output/` and `logs/`, all 0700 whatever the umask; return its paths.

    Raises `Forbidden` (`config.home_foreign`) for a directory of another user and `Unavailable`
    (`config.home`) where none can be made.
    """
    paths = Paths(home=home)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        for directory in (home, paths.output, paths.logs):
            directory.mkdir(mode=0o700, exist_ok=True)
            _close_to_others(directory)
    except OSError as error:
        raise Unavailable(
            "config.home",
            f"cannot use {safe_line(str(home))} as data directory: {error.strerror}",
            hint="name another with --home DIR or TASKDECK_HOME",
            facts={"home": str(home)},
        ) from error
    return paths


def _close_to_others(directory: Path) -> None:
    status = directory.stat()
    # /tmp itself must not become ours, even for root.
    if status.st_mode & stat.S_ISVTX or os.geteuid() not in (0, status.st_uid):
        raise Forbidden(
            "config.home_foreign",
            f"{safe_line(str(directory))} belongs to another user or is shared by all",
            hint="name a directory of your own with --home DIR or TASKDECK_HOME",
            facts={"directory": str(directory)},
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        directory.chmod(0o700)
