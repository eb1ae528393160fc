"""Outcomes: how an attempt ended, and what follows it, as values.

Made by connectors and the runner; stored by the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from core.model.patterns.awaits import Poll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.model.values import JsonObject, JsonValue


SHORT = "machine.short"
"""Code of the error of an attempt that bounced because the machine lacked something."""
_TOLD = ("shell.exit", "python.error", "python.exit", "timeout", "timeout.silence")
"""Codes that the message says too, in fewer letters."""


class TaskError(Struct, frozen=True, kw_only=True):
    """Why an attempt did not succeed: a dotted code (`http.5xx`), one sentence, facts."""

    code: str
    message: str
    facts: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return the stored form."""
        return {"code": self.code, "message": self.message, **({"facts": self.facts} if self.facts else {})}


def error_line(error: Mapping[str, object] | None) -> str:
    """Return code and message of an error, the code left out where the message says it; '' = no error."""
    if not error:
        return ""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    return message if message and (not code or code in _TOLD) else ": ".join(filter(None, (code, message)))


class Succeeded(Struct, frozen=True, kw_only=True):
    """The call returned; `partial` says that a limit cut it short, with the reason."""

    output: JsonValue = None
    partial: bool = False
    reason: str | None = None


class Skipped(Struct, frozen=True, kw_only=True):
    """The call returned and says that there was nothing to do: the attempt succeeded, its task is skipped."""

    output: JsonValue = None
    reason: str


class Failed(Struct, frozen=True, kw_only=True):
    """The call failed; `permanent` forbids a retry, `retry_after_ms` is a floor for its delay."""

    error: TaskError
    permanent: bool = False
    retry_after_ms: int | None = None


class TimedOut(Struct, frozen=True, kw_only=True):
    """The attempt ran for as long as its timeout (ms), or wrote nothing for its silence, and was ended."""

    after_ms: int
    silent: bool = False

    @property
    def code(self) -> str:
        """The code of its error."""
        return "timeout.silence" if self.silent else "timeout"


class Cancelled(Struct, frozen=True, kw_only=True):
    """The attempt was ended because a stop was asked for."""


class Lost(Struct, frozen=True, kw_only=True):
    """The end of the attempt was not observed."""

    reason: str


class Interrupted(Struct, frozen=True, kw_only=True):
    """The engine stopped and ended the attempt."""


class Bounced(Struct, frozen=True, kw_only=True):
    """The hand-off failed before anything was started.

    With `shortage` the machine lacked something, which is not the fault of the task and does not count.
    """

    reason: str
    shortage: bool = False


class Parked(Struct, frozen=True, kw_only=True):
    """The call returned without the answer that is waited for: the task waits for it outside its slot."""

    poll: Poll
    seen: JsonObject
    """What of the first answer is compared with those that follow."""
    within_ms: int | None = None
    """How long it may wait; None = until it is cancelled."""


Outcome: TypeAlias = (
    Succeeded | Skipped | Failed | TimedOut | Cancelled | Lost | Interrupted | Bounced | Parked
)


class RetryAt(Struct, frozen=True, kw_only=True):
    """Try again, not before `at` (ms UTC)."""

    at: int


class GiveUp(Struct, frozen=True, kw_only=True):
    """Make the task FAILED."""


class Requeue(Struct, frozen=True, kw_only=True):
    """Put the task back into its lane at once."""


class AskOperator(Struct, frozen=True, kw_only=True):
    """Hold the task until an operator decides (`on_loss: ask`)."""


class Accept(Struct, frozen=True, kw_only=True):
    """Nothing is left to decide: the outcome itself says what follows."""


Decision: TypeAlias = RetryAt | GiveUp | Requeue | AskOperator | Accept
