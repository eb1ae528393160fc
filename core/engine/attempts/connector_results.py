"""Checks of a connector's results: a valid call, a storable outcome.

Called by the runner and by `resolved_input`.
"""

from __future__ import annotations

import json
from typing import get_args

from core.model.errors import Invalid, TaskdeckError
from core.model.outcomes import Failed, Outcome, Skipped, Succeeded, TaskError
from core.model.ports import Call
from core.model.values import JsonValue

DEPTH = 200
"""Levels of lists and mappings that an output may have; expressions follow no deeper."""
# Made once: every attempt needs them.
_CALLS, _OUTCOMES = get_args(Call), get_args(Outcome)
_encode = json.JSONEncoder(allow_nan=False).encode


def checked_call(call: object, uses: str) -> Call:
    """Return what a connector made, if it is a call; raise `Invalid` (`connector.broken`)."""
    if isinstance(call, _CALLS):
        checked: Call = call
        return checked
    message = f"connector {uses!r} made a {type(call).__name__} instead of a call"
    raise Invalid("connector.broken", message, hint="return an InlineCall or a ProcessCall from `call`")


def checked_outcome(outcome: object) -> Outcome:
    """Return an outcome that the store can take: a wrong one becomes a permanent failure.

    An output is JSON without NaN, at most `DEPTH` levels deep (`connector.output`).
    """
    if not isinstance(outcome, _OUTCOMES):
        return broken(f"a {type(outcome).__name__} is not an outcome")
    checked: Outcome = outcome
    match checked:
        case Succeeded(output=output) | Skipped(output=output):
            fault = _fault(output)
        case Failed(error=TaskError(code=str(), message=str(), facts=facts)):
            fault = _fault(facts)
        case Failed():
            return broken("a failure without a TaskError is not an outcome")
        case _:
            return checked
    if fault is None:
        return checked
    message = f"what the connector returned cannot be stored: {fault}"
    return Failed(error=TaskError(code="connector.output", message=message), permanent=True)


def broken(message: str, *, code: str = "connector.broken") -> Failed:
    """Return the failure of a connector that did what no connector may do."""
    return Failed(error=TaskError(code=code, message=message))


def refused(error: TaskdeckError) -> Failed:
    """Return the failure of a task that another attempt cannot help."""
    return Failed(error=TaskError(code=error.code, message=error.message, facts=error.facts), permanent=True)


def _fault(value: JsonValue) -> str | None:
    # Most calls return nothing, and thousands of them a second should not pay for the check.
    if value is None or value == {}:
        return None
    try:
        text = _encode(value)
    except RecursionError:
        return f"more than {DEPTH} levels deep"
    except (TypeError, ValueError) as error:
        return str(error)
    if text.count("[") + text.count("{") > DEPTH and _deep(value):
        return f"more than {DEPTH} levels deep"
    return None


def _deep(value: JsonValue) -> bool:
    level = [value]
    for _ in range(DEPTH + 1):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []
