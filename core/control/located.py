"""Make the path of a document mean the caller's file, wherever the engine is."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from core.model.commands import DocumentText
from core.model.errors import Invalid, NotFound
from core.model.text import safe_line

if TYPE_CHECKING:
    from core.control.api import Document

LARGEST = 16 * 2**20
"""Bytes of a file that is sent as text; the engine has limits of its own."""


def located(document: Document) -> Document:
    """Make a path absolute, against the directory of this process; a parsed document or text stays."""
    return str(Path(document).absolute()) if isinstance(document, str) else document


def carried(document: Document) -> Document:
    """Read the file of a path, for an engine that cannot; a parsed document or text stays.

    Raises `NotFound` (`document.not_found`), `Invalid` (`document.*`).
    """
    return _read(Path(document).absolute()) if isinstance(document, str) else document


def _read(path: Path) -> DocumentText:
    try:
        # A pipe without a writer would keep the opening waiting for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _refusal("document.no_file", path, "is not a regular file")
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        code, name = "document.not_found", safe_line(str(path))
        raise NotFound(code, f"no such file: {name}", hint="check the path") from error
    except OSError as error:
        reason = f"cannot be read: {error.strerror or type(error).__name__}"
        raise _refusal("document.unreadable", path, reason) from error
    if len(data) > LARGEST:
        raise _refusal("document.size", path, f"is larger than {LARGEST:,} bytes")
    try:
        return DocumentText(name=str(path), text=data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _refusal("document.encoding", path, f"is no text in UTF-8 (byte {error.start:,})") from error


def _refusal(code: str, path: Path, reason: str) -> Invalid:
    return Invalid(code, f"{safe_line(str(path))} {reason}", hint="name another file")
