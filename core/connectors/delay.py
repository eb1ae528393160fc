"""The connector `delay`: waits for a time.

Built by the registry, called by the engine's runner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from core.connectors.base import Input, Plain, parse_input
from core.model.codes import ErrorCodes
from core.model.ports import InlineCall

if TYPE_CHECKING:
    from core.model.ports import CallContext, Clock
    from core.model.values import JsonObject, JsonValue

LONGEST = 10 * 366 * 86_400
"""No delay is longer, in seconds."""


class DelayInput(Input):
    """What `with:` of a delay holds."""

    seconds: float = Field(ge=0, le=LONGEST)
    """How long to wait; 0 is over at once."""


class Delay(Plain):
    """Wait on the engine's clock; the output is `{}`."""

    name = "delay"
    schema = DelayInput
    codes = ErrorCodes(codes=frozenset())

    def call(self, with_: JsonObject, context: CallContext) -> InlineCall:
        """Make the call; raise `Invalid` for a faulty input."""
        seconds = parse_input(DelayInput, with_).seconds
        if not seconds:
            return _AT_ONCE
        return InlineCall(run=lambda: _wait(context.clock, seconds))


async def _wait(clock: Clock, seconds: float) -> JsonValue:
    await clock.sleep(seconds)
    return {}


async def _nothing() -> JsonValue:
    return {}


# Tens of thousands of empty delays measure the engine: they share one call.
_AT_ONCE = InlineCall(run=_nothing)
