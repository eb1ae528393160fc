"""The connectors `wait` and `signal`: tasks without calls, outside the slots.

Built by the registry; the engine's conditions ask them what a task waits for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from core.connectors.base import Input, Plain, WrittenText, parse_input
from core.model.bounds import NAME_MAX
from core.model.codes import ErrorCodes
from core.model.errors import Bug, Invalid
from core.model.expressions import OPENING
from core.model.patterns.judgements import Await
from core.model.ports import InputFault
from core.model.timing.durations import parse_document_duration, parse_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.model.ports import CallContext, InlineCall
    from core.model.values import JsonObject

Length = str | int | float
"""A length of time as documents have it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL = "a moment like 2026-12-24T18:00, with a zone or by the clock of this machine"


class WaitInput(Input):
    """The `with:` of a wait: one of `for` and `until`."""

    for_: Annotated[Length | None, Field(alias="for")] = None
    until: WrittenText | None = None

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for exactly one of `for` and `until`, which can be read."""
        if (with_.get("for") is None) == (with_.get("until") is None):
            yield InputFault(code="wait.choice", message="give either `for` or `until`")
        yield from unread("for", with_, parse_document_duration)
        yield from unread("until", with_, _moment)


class SignalInput(Input):
    """The `with:` of a signal: its name, and the key under which it is for this task."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    key: Annotated[WrittenText, Field(max_length=NAME_MAX)] = ""
    timeout: Length | None = None

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for a timeout that can be read."""
        yield from unread("timeout", with_, parse_timeout)


class NoCall(Plain):
    """A connector whose tasks are never claimed."""

    def call(self, with_: JsonObject, context: CallContext) -> InlineCall:
        """Refuse: a task that waits is in no slot."""
        raise Bug("task.waits", f"a task that uses {self.name!r} was claimed", facts={"key": context.key})


class Wait(NoCall):
    """Wait for a time or until a moment."""

    name = "wait"
    schema = WaitInput
    codes = ErrorCodes(codes=frozenset())
    texts = (("until",),)

    def await_answer(self, with_: JsonObject) -> Await:
        """Return how long a task waits; raise `Invalid` for a faulty input."""
        parsed = parse_input(WaitInput, with_)
        if parsed.until is not None:
            return Await(until=_moment(parsed.until))
        return Await(for_ms=parse_document_duration(parsed.for_))


class SignalWait(NoCall):
    """Wait for a signal."""

    name = "signal"
    schema = SignalInput
    codes = ErrorCodes(codes=frozenset({"signal.timeout"}))
    texts = (("key",), ("name",))

    def await_answer(self, with_: JsonObject) -> Await:
        """Return which signal a task waits for, and how long; raise `Invalid` for a faulty input."""
        parsed = parse_input(SignalInput, with_)
        within = None if parsed.timeout is None else parse_timeout(parsed.timeout) or None
        return Await(signal=parsed.name, key=parsed.key, within_ms=within)


def unread(field: str, with_: JsonObject, read: Callable[[str], object]) -> Iterator[InputFault]:
    """Return the fault of a length of time or a moment that cannot be read."""
    value = with_.get(field)
    if value is None or (isinstance(value, str) and OPENING in value):
        return
    try:
        read(value)  # type: ignore[arg-type] # Another kind is refused by the schema, or read as a number.
    except Invalid as error:
        yield InputFault(code="wait.value", message=f"`{field}`: {error.message}", path=(field,))


def _moment(text: object) -> int:
    """Return a moment in ms UTC; raise `Invalid`."""
    try:
        moment = datetime.fromisoformat(str(text).strip())
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        shown = str(text)[:40]
        raise Invalid(
            "moment.invalid",
            f"'{shown}' is not a moment: write {_UNTIL}",
            hint=f"write {_UNTIL}",
            facts={"text": shown},
        ) from error
