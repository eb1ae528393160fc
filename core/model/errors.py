"""The error tree: every refusal has code, sentence and hint.

Used by every room that refuses.

TaskdeckError            500  internal          exit 4
|- Invalid               400  bad input         exit 2
|  `- InvalidDocument    400  every fault of a document at once
|- Forbidden             403  not permitted     exit 5
|- NotFound              404  no such thing     exit 2
|- Conflict              409  not in this state exit 2
|- Unavailable           503  no engine, store  exit 4
|  |- HandoffFailed      503  nothing started   exit 4
|  `- MachineShort       503  nothing can start exit 4
`- Bug                   500  broken invariant  exit 4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.values import JsonObject, JsonValue


class TaskdeckError(Exception):
    """Carry a stable code, one sentence, a hint and the facts (ids) of a refusal."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4

    def __init__(self, code: str, message: str, *, hint: str = "", facts: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts: JsonObject = facts or {}

    def to_json(self) -> JsonObject:
        """Return the wire form: code, message, hint, facts."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "facts": self.facts}


class Invalid(TaskdeckError):
    """Refuse input that cannot be understood or is out of bounds."""

    status = 400
    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a document: code, sentence, place; line and column count from 1."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    path: str = ""
    file: str = ""
    """The file that the document includes and that has the place; '' = the document itself."""

    def to_json(self) -> dict[str, JsonValue]:
        """Return the fault as a JSON object."""
        shape: dict[str, JsonValue] = {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "path": self.path,
        }
        return {**shape, "file": self.file} if self.file else shape

    @property
    def order(self) -> tuple[str, int, int]:
        """What faults of a document are sorted by: those of its own text come first."""
        return self.file, self.line or 0, self.column or 0


class InvalidDocument(Invalid):
    """Refuse a document with all its faults, in the order of their places."""

    def __init__(
        self,
        source: str,
        faults: Sequence[Fault],
        *,
        many: str = "document.invalid",
        hint: str = "fix the places named, then run 'taskdeck check' on the file",
    ) -> None:
        """Take the code of a single fault; that of more is `many`."""
        first = faults[0]
        count = f"{len(faults)} faults" if len(faults) > 1 else first.message
        super().__init__(
            first.code if len(faults) == 1 else many,
            f"{(first.file if len(faults) == 1 else '') or source}: {count}",
            hint=hint,
            facts={"source": source, "faults": [fault.to_json() for fault in faults]},
        )
        self.source = source
        self.faults = tuple(faults)


class Forbidden(TaskdeckError):
    """Refuse a caller who may not do this."""

    status = 403
    exit_code = 5


class NotFound(TaskdeckError):
    """Refuse a name or id that nothing has."""

    status = 404
    exit_code = 2


class Conflict(TaskdeckError):
    """Refuse a verb that the present state does not allow."""

    status = 409
    exit_code = 2


class Unavailable(TaskdeckError):
    """Refuse because no engine answers or the store cannot be used."""

    status = 503


class HandoffFailed(Unavailable):
    """Report that a call could not be handed to its executor; nothing of it was started."""


class MachineShort(Unavailable):
    """Report that the machine lacks now what every start needs: no fault of the task."""


class Bug(TaskdeckError):
    """Report a broken invariant; never expected, always raised."""
