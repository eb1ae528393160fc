"""Write refusals to standard error: code, one sentence, what to do.

Used by `main` and by the commands.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.cli.output import Painted, note, note_json, written
from core.model.errors import Fault, Invalid, InvalidDocument, TaskdeckError
from core.model.text import safe_line

LEFT = 130
"""Exit status of a command that was left before the end."""
_NAMED = 3
"""Rows that are named by a command that left them out."""


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


class Suspicion:
    """Whether the command of this process reads a store, and the error that it failed with.

    Such a command runs once more, without damaged rows: what an answer holds is looked at only once it could
    not be shown.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Suspect nothing: a command begins."""
        written.begin()
        self.reads = False
        self.changes = False
        """It may have changed something: it is not run twice."""
        self.error: Exception | None = None
        self.is_late = False
        """Too much of the answer is written already: it cannot go on where it stopped."""

    def arises(self, error: Exception) -> bool:
        """Tell whether the command should run once more: it reads, and was run once."""
        if self.error is not None or not self.reads or self.changes:
            return False
        self.error, self.is_late = error, written.is_too_much
        written.begin_again()
        return True


suspicion = Suspicion()
"""That of this process."""


def note_left_out(rows: Sequence[str]) -> None:
    """Name the rows that were left out, a few of them, on standard error."""
    for row in rows[:_NAMED]:
        note(f"left out: {row}")
    if len(rows) > _NAMED:
        note(f"left out: {len(rows) - _NAMED:,} rows more; 'taskdeck doctor' names them")
