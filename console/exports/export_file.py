"""Drafting: a file that stands under another name until it is whole."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from core.model.errors import Invalid
from core.model.text import safe_line

_PREFIX, _SUFFIX = ".taskdeck-", ".part"
# What file systems without hard links answer.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


def is_taken(path: Path) -> bool:
    """Tell whether a file stands there; raise `Invalid` (`export.file`) where none can or may."""
    with _told(path):
        if not path.parent.is_dir():
            raise _refusal(path, f"there is no folder {safe_line(str(path.parent))}")
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
    if not stat.S_ISREG(mode):
        raise _refusal(path, "it is a folder, a link or a device")
    return True


class ExportFile:
    """What is written for a path; at its path only after `keep_new` or `keep_over`. Blocks: for threads.

    Every method but `discard` raises `Invalid` (`export.file`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_kept = False
        self._beside: Path | None = None
        self._file: TextIO | None = None

    def open(self) -> None:
        """Make the file beside the wanted one, for nobody else to read."""
        with _told(self.path):
            descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=self.path.parent)
            self._beside = Path(name)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")

    def write(self, text: str) -> None:
        """Add a text."""
        with _told(self.path):
            self._opened().write(text)

    def keep_new(self) -> None:
        """Give the file its name; another that has come to stand there is not replaced."""
        beside = self._finish()
        with _told(self.path):
            try:
                os.link(beside, self.path)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # Nothing else keeps both a name that was taken meanwhile and these file systems happy.
                if is_taken(self.path):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
                beside.rename(self.path)
        self.is_kept = True

    def keep_over(self) -> None:
        """Give the file its name in the place of one that stands there."""
        beside = self._finish()
        with _told(self.path):
            beside.replace(self.path)
        self.is_kept = True

    def discard(self) -> None:
        """Take away what stands under the other name."""
        if self._file is not None:
            # A full disk was told already, and closing tries to write once more.
            with suppress(OSError):
                self._file.close()
        if self._beside is not None:
            # A folder that went away took it along.
            with suppress(OSError):
                self._beside.unlink()
            self._beside = None

    def _finish(self) -> Path:
        file = self._opened()
        with _told(self.path):
            file.flush()
            # A name must not stand for a file that a power cut leaves empty.
            os.fsync(file.fileno())
            file.close()
        return self._beside or self.path

    def _opened(self) -> TextIO:
        if self._file is None:
            raise _refusal(self.path, "it is not open")
        return self._file


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _refusal(path, reason) from error


def _refusal(path: Path, reason: str) -> Invalid:
    return Invalid("export.file", f"cannot write {safe_line(path.name)}: {reason}", hint="name another file")
