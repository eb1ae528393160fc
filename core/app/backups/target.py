"""The folder that a backup or a restored home becomes.

Used by `writing` and `restoring`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.files.kinds import is_dir, is_link
from core.files.new_folder import NewFolder
from core.host import free_bytes
from core.model.errors import Conflict, Invalid, TaskdeckError, Unavailable
from core.model.paths import absolute
from core.model.text import safe_line
from core.render.sizes import size_text

MARGIN = 16 * 2**20


def open_target(path: Path, *, what: str) -> NewFolder:
    """Return the folder for a path at which there is nothing, or an empty folder; nothing is made yet.

    `what` begins the codes: raises `Invalid` (`backup.folder`), `Conflict` (`backup.exists`).
    """
    name = safe_line(str(path))
    if "\0" in str(path):
        raise Invalid(
            f"{what}.folder", f"{name} names no folder", hint="name another", facts={"folder": name}
        )
    path = absolute(path.expanduser())
    if not path.name or not is_dir(path.parent):
        raise Invalid(
            f"{what}.folder",
            f"no such folder: {safe_line(str(path.parent))}",
            hint="make it first",
            facts={"folder": name},
        )
    if not _is_free(path, what):
        raise exists_already(path, what)
    return NewFolder(path)


def exists_already(path: Path, what: str) -> Conflict:
    """Say that nothing is written over what is there."""
    return Conflict(
        f"{what}.exists",
        f"{safe_line(str(path))} is there already, and not an empty folder",
        hint="name a folder that is not there yet; nothing was changed",
        facts={"folder": str(path)},
    )


def check_room(path: Path, needed: int, *, what: str) -> None:
    """Refuse with `Unavailable` (`backup.room`) unless so many bytes and a margin are free."""
    free = free_bytes(path.parent)
    if free < needed + MARGIN:
        raise Unavailable(
            f"{what}.room",
            f"{safe_line(str(path))} needs {size_text(needed + MARGIN)}; {size_text(free)} are free there",
            hint="free space there, or name a folder on another disk; nothing was written",
            facts={"needed": needed + MARGIN, "free": free},
        )


@contextmanager
def refusing(path: Path, *, what: str) -> Iterator[None]:
    """Say why a folder cannot be written: `backup.busy`, `backup.exists`, `backup.unwritable`."""
    try:
        yield
    except TaskdeckError:
        raise
    except BlockingIOError as error:
        raise Conflict(
            f"{what}.busy",
            f"another process writes {safe_line(str(path))}",
            hint="wait for it, or name another folder",
            facts={"folder": str(path)},
        ) from error
    except FileExistsError as error:
        raise exists_already(path, what) from error
    except OSError as error:
        remedy = "free space there, or name another folder"
        if error.errno == errno.EFBIG:
            remedy = "raise `ulimit -f`"
        where = "" if error.filename is None else f" ({safe_line(str(error.filename))})"
        raise Unavailable(
            f"{what}.unwritable",
            f"cannot write {safe_line(str(path))}: {error.strerror}{where}",
            hint=f"nothing is left of it; {remedy}",
            facts={"folder": str(path), "reason": error.strerror or ""},
        ) from error


def _is_free(path: Path, what: str) -> bool:
    try:
        return not any(True for _ in path.iterdir()) and not is_link(path)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False
    except OSError as error:
        raise Invalid(
            f"{what}.folder",
            f"cannot look into {safe_line(str(path))}: {error.strerror}",
            hint="name another folder",
            facts={"folder": str(path)},
        ) from error
