"""Outcomes: how an attempt ended, and what follows it, as values.

Made by connectors and the runner; stored by the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from core.model.values import JsonObject, JsonValue


SHORT = "machine.short"
"""Code of the error of an attempt that bounced because the machine lacked something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """Why an attempt did not succeed: a dotted code (`http.5xx`), one sentence, facts."""

    code: str
    message: str
    facts: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return the stored form."""
        return {"code": self.code, "message": self.message, **({"facts": self.facts} if self.facts else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The call returned; `partial` says that a limit cut it short, with the reason."""

    output: JsonValue = None
    partial: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The call failed; `permanent` forbids a retry, `retry_after_ms` is a floor for its delay."""

    error: TaskError
    permanent: bool = False
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The attempt exceeded its timeout (ms) and was ended."""

    after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The attempt was ended because a stop was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The end of the attempt was not observed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The engine stopped and ended the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """The hand-off failed before anything was started.

    With `shortage` the machine lacked something, which is not the fault of the task and does not count.
    """

    reason: str
    shortage: bool = False


Outcome: TypeAlias = Succeeded | Failed | TimedOut | Cancelled | Lost | Interrupted | Bounced


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Try again, not before `at` (ms UTC)."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Make the task FAILED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeue:
    """Put the task back into its lane at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOperator:
    """Hold the task until an operator decides (`on_loss: ask`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """Nothing is left to decide: the outcome itself says what follows."""


Decision: TypeAlias = RetryAt | GiveUp | Requeue | AskOperator | Accept
