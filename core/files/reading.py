"""Read files that people write, with guards: size, kind, encoding.

Used for documents by the workflow loader, the console's picker and clients; for settings by who has them.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from core.model.errors import Fault, Invalid, InvalidDocument, NotFound
from core.model.text import safe_line

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT_BYTES = 16 * 2**20
"""Largest document, in bytes of its file."""


def read_document(path: Path, *, limit: int = DOCUMENT_BYTES) -> bytes:
    """Read a regular file of at most `limit` bytes; too large a file is refused before it is read.

    Raises `NotFound` (`document.not_found`), `Invalid` (`document.no_file`, `document.unreadable`),
    `InvalidDocument` (`document.size`).
    """
    name = safe_line(str(path))
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Invalid(
                    "document.no_file",
                    f"{name} is not a regular file",
                    hint="name another file",
                    facts={"file": name},
                )
            size = status.st_size
            data = b"" if size > limit else file.read(limit + 1)
    except (FileNotFoundError, ValueError) as error:
        # A ValueError: a name with a null byte, or with half of a character, belongs to no file.
        raise NotFound(
            "document.not_found", f"no such file: {name}", hint="check the path", facts={"file": name}
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "check that it is a file and that you may read it"
        raise Invalid(
            "document.unreadable",
            f"cannot read {name}: {reason}",
            hint=hint,
            facts={"file": name, "reason": reason},
        ) from error
    if max(size, len(data)) > limit:
        raise InvalidDocument(name, [too_large(max(size, len(data)), limit)])
    return data


def read_at_once(path: Path, limit: int) -> bytes:
    """Read a file whole, or its first `limit` bytes, without waiting for another program; raise `OSError`.

    Follows links. A pipe is refused: it would keep its reader until a program writes to it.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe, not a file", str(path))
        # None = a device that has nothing at present.
        return file.read(limit) or b""


def read_document_text(path: Path) -> str:
    """Read a document file as text; raise what `read_document` and `decode_document` raise."""
    return decode_document(read_document(path), name=safe_line(str(path)))


def decode_document(data: bytes, *, name: str) -> str:
    """Decode UTF-8, with or without a byte order mark.

    Raises `InvalidDocument` (`document.encoding`) with the position of the first wrong byte.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from behind the byte order mark.
        before = error.object[: error.start].decode("utf-8", "replace")
        message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8"
        raise InvalidDocument(name, [fault_after(before, "document.encoding", message)]) from error


def fault_after(before: str, code: str, message: str) -> Fault:
    """Return a fault at the end of the text before it."""
    line = before.count("\n") + 1
    return Fault(code=code, message=message, line=line, column=len(before) - before.rfind("\n"))


def too_large(size: int, limit: int) -> Fault:
    """Return the fault of a document of more bytes than the limit."""
    return Fault(code="document.size", message=f"{size:,} bytes; a document has at most {limit:,}")


def _open_at_once(path: str, flags: int) -> int:
    # A pipe without a writer would keep the opening waiting for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
