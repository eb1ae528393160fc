"""Standard input of a command, read once and within a limit.

Used by `exec` for its task, and by `run`, `check` and `graph` for a workflow.
"""

from __future__ import annotations

import base64
import os
import select
from pathlib import Path

from core.cli.output import note
from core.cli.refusals import usage
from core.files import kinds
from core.files.reading import DOCUMENT_BYTES, decode_document
from core.model.commands.work import DocumentText
from core.model.expressions import OPENING
from core.model.text import safe_line
from core.model.values import JsonObject

STDIN_BYTES = 1_048_576
"""What is kept with a task; more is refused."""
_NOTE_SECONDS = 2.0
_CHUNK_BYTES = 65_536
_FD = 0


def task_input() -> JsonObject:
    """Return standard input as a part of a shell task's `with`, nothing where there is none.

    A terminal is not read: a task may run later, when no one sits at it. Raises `Invalid` (`usage`).
    """
    try:
        data = b"" if os.isatty(_FD) else _read(_FD, STDIN_BYTES + 1, what="the task")
    except OSError as error:
        note(f"standard input cannot be read ({error.strerror}): the task gets none")
        return {}
    if len(data) > STDIN_BYTES:
        raise usage(
            f"standard input is longer than {STDIN_BYTES:,} bytes, which is what is kept with a task",
            hint="write it into a file that the command reads, or give none: </dev/null",
        )
    if not data:
        return {}
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = OPENING
    # An expression in it would be evaluated: it is data.
    if OPENING in text:
        return {"stdin_base64": base64.b64encode(data).decode("ascii")}
    return {"stdin": text}


def piped_document(name: str) -> DocumentText | None:
    """Return the workflow behind `-` or the path of a pipe, which the engine cannot read; None for a file.

    Raises what `decode_document` raises, and `Invalid` (`usage`).
    """
    if name == "-":
        return DocumentText(name="standard input", text=_text(_FD, "standard input"))
    path = Path(name)
    if not kinds.is_stream(path) and path.parts[:2] != ("/", "dev"):
        return None
    with path.open("rb", buffering=0) as stream:
        return DocumentText(name=safe_line(name), text=_text(stream.fileno(), name))


def _text(descriptor: int, name: str) -> str:
    data = _read(descriptor, DOCUMENT_BYTES + 1, what="the workflow")
    if len(data) > DOCUMENT_BYTES:
        raise usage(f"{safe_line(name)}: a workflow has at most {DOCUMENT_BYTES:,} bytes")
    return decode_document(data, name=safe_line(name))


def _read(descriptor: int, limit: int, *, what: str) -> bytes:
    """Read up to so many bytes; say so when nothing comes for a while."""
    if not os.isatty(descriptor) and not select.select([descriptor], [], [], _NOTE_SECONDS)[0]:
        note(f"reading standard input for {what}: it ends with Ctrl-D; to give none, add </dev/null")
    parts, left = [], limit
    while left > 0 and (part := os.read(descriptor, min(left, _CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
