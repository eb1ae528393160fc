"""The file of a bundle, whole at its path, or a pipe.

Used by the command `bundle` and by the console's session.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.files.kinds import is_dir
from core.files.writing import NewFile
from core.model.errors import Conflict, Invalid, TaskdeckError, Unavailable
from core.model.text import safe_line


class BundleFile:
    """Where a bundle is written to; `path` None = standard output. Always call `discard` at the end."""

    def __init__(self, path: Path | None, *, force: bool) -> None:
        self.path = path
        self._force = force
        self._file = None if path is None else NewFile(path)

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return "standard output" if self.path is None else safe_line(str(self.path))

    def open(self) -> None:
        """Begin; raise `OSError`."""
        if self._file is not None:
            self._file.open()

    def write(self, data: bytes) -> None:
        """Append; raise `OSError`."""
        if self._file is None:
            sys.stdout.buffer.write(data)
        else:
            self._file.write(data)

    def keep(self) -> None:
        """Give the file its path; raise `FileExistsError` for one that has come meanwhile, and `OSError`."""
        if self._file is None:
            sys.stdout.buffer.flush()
        elif self._force:
            self._file.replace()
        else:
            self._file.place()

    def discard(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            self._file.discard()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Say why the file cannot be written (`bundle.file`); errors of standard output stay as they are."""
        try:
            yield
        except FileExistsError as error:
            raise _taken(self.name) from error
        except OSError as error:
            if self.path is None or isinstance(error, TaskdeckError):
                raise
            raise Unavailable(
                "bundle.file",
                f"cannot write {self.name}: {error.strerror}",
                hint="nothing was written; free room, or name another file with -o",
                facts={"file": str(self.path), "reason": error.strerror or ""},
            ) from error


def open_bundle_file(path: Path | None, *, force: bool) -> BundleFile:
    """Return the file for a bundle; raise `Invalid` (`bundle.file`), `Conflict` (`bundle.exists`)."""
    if path is None:
        return BundleFile(None, force=force)
    name = safe_line(str(path))
    if "\0" in str(path) or not path.name:
        raise Invalid(
            "bundle.file", f"{name!r} names no file", hint="name another file with -o", facts={"file": name}
        )
    path = path.expanduser()
    if not is_dir(path.parent):
        raise Invalid(
            "bundle.file",
            f"no such folder: {safe_line(str(path.parent))}",
            hint="make it first",
            facts={"file": name},
        )
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return BundleFile(path, force=force)
    except OSError as error:
        raise Invalid(
            "bundle.file",
            f"cannot write {name}: {error.strerror}",
            hint="name another file",
            facts={"file": name},
        ) from error
    if not stat.S_ISREG(mode):
        raise Invalid(
            "bundle.file",
            f"{name} is a folder, a link or a device",
            hint="name another file with -o",
            facts={"file": name},
        )
    if not force:
        raise _taken(name)
    return BundleFile(path, force=force)


def _taken(name: str) -> Conflict:
    return Conflict(
        "bundle.exists",
        f"{name} is there already",
        hint="replace it with --force, or name another file",
        facts={"file": name},
    )
