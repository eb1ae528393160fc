"""Find regular files below a folder, following no link.

Used for the artifacts of tasks, in a thread. Each step is opened relative to the one before: what another
program puts in the place of a folder meanwhile leads nowhere else.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.model.errors import Invalid

ENTRIES_MAX = 100_000
"""Entries of folders that one pattern looks at."""
DEPTH_MAX = 32
"""Folders below each other."""
_ANY_DEPTH = "**"
_MAGIC = re.compile(r"[*?\[]")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FoundFiles:
    """The regular files below a folder that fit a pattern: `*`, `?`, `[a-z]` in a name, `**` for any depth.

    Names that begin with a dot are found by patterns that do. Iterating yields the path below the folder and
    an open descriptor, which is closed with the next step. Raises `Invalid` (`artifact.link`, `.kind`,
    `.many`, `.path`, `.cwd`).
    """

    def __init__(self, folder: Path, pattern: str) -> None:
        self._folder = folder
        self._parts = parts_of(pattern)
        self._left = ENTRIES_MAX

    def __iter__(self) -> Iterator[tuple[str, int]]:
        try:
            root = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _refused("cwd", f"{self._folder} cannot be read: {error.strerror}") from error
        try:
            yield from self._below(root, self._parts, "")
        finally:
            os.close(root)

    def _below(self, folder: int, parts: Sequence[str], before: str) -> Iterator[tuple[str, int]]:
        part, rest = parts[0], parts[1:]
        if before.count("/") > DEPTH_MAX:
            raise _refused("many", f"{before} is more than {DEPTH_MAX} folders deep")
        if part == _ANY_DEPTH:
            yield from self._below(folder, rest or ("*",), before)
        for name in self._names(folder, part):
            at = f"{before}{name}"
            if rest or part == _ANY_DEPTH:
                with _opened(folder, name) as inner:
                    if inner is not None:
                        yield from self._below(inner, parts if part == _ANY_DEPTH else rest, f"{at}/")
            else:
                yield from self._file(folder, name, at, is_named=not _MAGIC.search(part))

    def _file(self, folder: int, name: str, at: str, *, is_named: bool) -> Iterator[tuple[str, int]]:
        try:
            descriptor = os.open(name, _FILE, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            if _is_link(folder, name):
                raise _refused(
                    "link", f"{at} is a link, which is not followed: name the file itself"
                ) from error
            raise _refused("kind", f"{at} cannot be read: {error.strerror}") from error
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISREG(mode):
                yield at, descriptor
            elif is_named or not stat.S_ISDIR(mode):
                what = (
                    f"a folder: write {at}/** for all in it" if stat.S_ISDIR(mode) else "not a regular file"
                )
                raise _refused("kind", f"{at} is {what}")
        finally:
            os.close(descriptor)

    def _names(self, folder: int, part: str) -> list[str]:
        if part != _ANY_DEPTH and not _MAGIC.search(part):
            return [part]
        fits = re.compile(fnmatch.translate("*" if part == _ANY_DEPTH else part)).match
        # A copy: scanning closes the descriptor that it is given.
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        self._left -= len(names)
        if self._left < 0:
            raise _refused("many", f"it looks at more than {ENTRIES_MAX:,} files: choose a narrower pattern")
        return sorted(name for name in names if fits(name) and (part[:1] == "." or name[:1] != "."))


def parts_of(pattern: str) -> tuple[str, ...]:
    """Return the steps of a pattern; raise `Invalid` (`artifact.path`) for one that leads elsewhere."""
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if not parts or ".." in parts or "\0" in pattern:
        raise _refused("path", f"`{pattern[:200]}` does not stay below the folder of its task")
    return parts


@contextmanager
def _opened(folder: int, name: str) -> Iterator[int | None]:
    """Open a folder in a folder; None = it is none, or a link."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_link(folder: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _refused(code: str, message: str) -> Invalid:
    return Invalid(f"artifact.{code}", message, hint="fix `artifacts`, or what the task leaves")
