"""Paths: the data directory, and where its files are.

Used by `core.app`, the commands and the console.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from core.model.errors import Forbidden, Invalid, Unavailable
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = "TASKDECK_HOME"
"""The variable that names the data directory; not a setting."""
_NAME_ANOTHER = "name another with --home DIR or TASKDECK_HOME"
_PREPARED = frozenset(
    {"config.toml", "keymap.toml", "views.toml", "views.toml.lock", "lost+found", "console", "copied.txt"}
)
"""What may be in a data directory before its first use: files of the user, and of a mounted disk."""


class Paths(Struct, frozen=True, kw_only=True):
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
    """Return the data directory, absolute: the one given, else $TASKDECK_HOME, else `default()`.

    Raises `Invalid`: `usage` for a name that is empty or `~` of an unknown user, `cwd.gone`.
    """
    named = os.environ.get(HOME)
    if home is None and named is not None:
        home = named_home(named, by=HOME)
    try:
        return absolute(default() if home is None else home.expanduser())
    except (RuntimeError, ValueError) as error:
        message = "this user has no home directory, and no data directory is named"
        if home is not None:
            message = f"{safe_line(str(home))}: that user has no home directory"
        raise Invalid("usage", message, hint=_NAME_ANOTHER) from error


def absolute(path: Path) -> Path:
    """Return a path as seen from the working directory; raise `Invalid` (`cwd.gone`) where that is gone."""
    return path if path.is_absolute() else working_directory() / path


def working_directory() -> Path:
    """Return the working directory; raise `Invalid` (`cwd.gone`) where it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        message = f"the working directory cannot be used: {error.strerror}"
        raise Invalid("cwd.gone", message, hint="go to one that exists: cd") from error


def named_home(text: str, *, by: str) -> Path:
    """Return the path of a data directory as it was typed; raise `Invalid` (`usage`) for an empty one."""
    # An empty path would be the working directory.
    if not text:
        raise Invalid("usage", f"{by} is empty", hint=_NAME_ANOTHER, facts={"by": by})
    if "\0" in text:
        raise Invalid("usage", f"{by} holds a NUL", hint=_NAME_ANOTHER, facts={"by": by})
    return Path(text)


def is_ours(home: Path) -> bool:
    """Return whether a directory is a data directory already."""
    # The lock is made before anything else, a store may have been restored alone.
    return any(os.path.lexists(path) for path in (Paths(home=home).lock, Paths(home=home).db))


def ensure_home(home: Path) -> Paths:
    """Make the data directory, `output/` and `logs/`, all 0700 whatever the umask; return its paths.

    What exists already keeps its mode. Raises `Forbidden` (`config.home_foreign`: of another user or
    writable by others), `Invalid` (`config.home_taken`: it holds something else) and `Unavailable`
    (`config.home`: none can be made).
    """
    paths = Paths(home=home)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        _make_private(home)
        if not is_ours(home):
            _check_empty(home)
            # First of all files: who comes next must not take a half-made home for a foreign directory.
            os.close(os.open(paths.lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        for directory in (paths.output, paths.logs):
            _make_private(directory)
    except OSError as error:
        raise Unavailable(
            "config.home",
            f"cannot use {safe_line(str(home))} as data directory: {_reason(error)}",
            hint=_NAME_ANOTHER,
            facts={"home": str(home)},
        ) from error
    return paths


def _make_private(directory: Path) -> None:
    """Make a directory 0700 whatever the umask; one that exists is checked and left as it is."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        _check_private(directory)
        return
    directory.chmod(0o700)


def _check_private(directory: Path) -> None:
    status = directory.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    # /tmp itself must not become ours, even for root.
    if status.st_mode & stat.S_ISVTX or os.geteuid() not in (0, status.st_uid):
        raise Forbidden(
            "config.home_foreign",
            f"{safe_line(str(directory))} belongs to another user or is shared by all",
            hint="name a directory of your own with --home DIR or TASKDECK_HOME",
            facts={"directory": str(directory)},
        )
    if status.st_mode & 0o022:
        raise Forbidden(
            "config.home_foreign",
            f"other users may write in {safe_line(str(directory))} (mode {stat.S_IMODE(status.st_mode):o})",
            hint=f"close it to them first: chmod go-w {shlex.quote(safe_line(str(directory)))}",
            facts={"directory": str(directory)},
        )


def _check_empty(home: Path) -> None:
    """Refuse a directory with files that are neither ours nor made for us beforehand."""
    foreign = sorted({entry.name for entry in home.iterdir()} - _PREPARED)
    # Read again: another process may have begun to use it between the two looks.
    if not foreign or is_ours(home):
        return
    raise Invalid(
        "config.home_taken",
        f"{safe_line(str(home))} holds other files ({safe_line(foreign[0])}) and no store of taskdeck",
        hint="name a new or empty directory with --home DIR or TASKDECK_HOME",
        facts={"home": str(home), "found": foreign[0]},
    )


def _reason(error: OSError) -> str:
    where = "" if error.filename is None else f" ({safe_line(str(error.filename))})"
    return f"{error.strerror or type(error).__name__}{where}"
