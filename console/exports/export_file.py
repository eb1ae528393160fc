"""The file of an export, renamed into place once it is complete.

Used by the export and by the exporter of a screen.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.files.kinds import is_dir
from core.files.writing import NewFile
from core.model.errors import Invalid
from core.model.text import safe_line


def is_taken(path: Path) -> bool:
    """Tell whether there is a file; raise `Invalid` (`export.file`) where none can or may be."""
    with _refusing(path):
        if not is_dir(path.parent):
            raise _refusal(path, f"missing folder {safe_line(str(path.parent))}")
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
    if not stat.S_ISREG(mode):
        raise _refusal(path, "it is a folder, a link or a device")
    return True


class ExportFile:
    """The file of an export, at its path only after `keep_new` or `keep_over`. Blocks: for threads.

    Every method but `discard` raises `Invalid` (`export.file`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_kept = False
        self._file = NewFile(path)

    def open(self) -> None:
        """Create a temporary file beside the path, for this user only."""
        with _refusing(self.path):
            self._file.open()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with _refusing(self.path):
            self._file.write(data)

    def keep_new(self) -> None:
        """Give the file its path; refuse if another file has been created there meanwhile."""
        with _refusing(self.path):
            self._file.place()
        self.is_kept = True

    def keep_over(self) -> None:
        """Give the file its path, in the place of the one that is there."""
        with _refusing(self.path):
            self._file.replace()
        self.is_kept = True

    def discard(self) -> None:
        """Remove what was not kept."""
        self._file.discard()


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _refusal(path, reason) from error


def _refusal(path: Path, reason: str) -> Invalid:
    return Invalid(
        "export.file",
        f"cannot write {safe_line(path.name)}: {reason}",
        hint="name another file",
        facts={"file": str(path), "reason": reason},
    )
