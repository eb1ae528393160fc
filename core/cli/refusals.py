"""Write refusals to standard error: code, one sentence, what to do.

Used by `main` and by the commands.
"""

from __future__ import annotations

from core.cli.output import Painted, note, note_json
from core.model.errors import Fault, Invalid, InvalidDocument, TaskdeckError
from core.model.text import safe_line

LEFT = 130
"""Exit status of a command that was left before the end."""


class Left(TaskdeckError):
    """Report that the command was left before the end; the hint says how to continue."""

    exit_code = LEFT

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__("left", message, hint=hint)


def usage(message: str, *, hint: str = "") -> Invalid:
    """Return a refusal of the command line itself."""
    return Invalid("usage", message, hint=hint)


def report_json(error: TaskdeckError) -> int:
    """Write a refusal as one JSON object and return its exit status."""
    note_json({"error": error.to_json()})
    return error.exit_code


def report(error: TaskdeckError) -> int:
    """Write a refusal for people and return its exit status."""
    many = error.faults if isinstance(error, InvalidDocument) else ()
    message = error.message
    if isinstance(error, InvalidDocument) and len(many) == 1:
        message, many = f"{place(error.source, many[0])}: {many[0].message}", ()
    if isinstance(error, Left):
        note(message)
    else:
        note(Painted(text=f"error[{error.code}]:", colour="red"), f" {message}")
    if isinstance(error, InvalidDocument):
        write_faults(error.source, many)
    if error.hint:
        note(Painted(text="hint:", colour="cyan"), f" {error.hint}")
    return error.exit_code


def write_faults(source: str, faults: tuple[Fault, ...], *, prefix: str = "") -> None:
    """Write the faults of a document, one a line: `FILE:LINE:COLUMN: what is wrong [code]`."""
    for fault in faults:
        head = Painted(text=f"{place(source, fault)}:", colour="bold")
        note("  ", head, f" {prefix}{fault.message} [{fault.code}]")


def place(source: str, fault: Fault) -> str:
    """Write where a fault is, as editors read it: `FILE:LINE:COLUMN`."""
    file = safe_line(fault.file) or source
    return ":".join(str(part) for part in (file, fault.line, fault.column) if part is not None)
