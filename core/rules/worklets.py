"""Decide what the outputs of a worklet mean.

Called by the engine's child plans.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model.bounds import REASON_MAX
from core.model.errors import Invalid
from core.model.near_misses import one_of
from core.model.patterns.children import RESULT_FIELDS, EndJob, Result
from core.model.patterns.judgements import TakeResult
from core.model.patterns.variables import value_fault
from core.model.text import clip
from core.model.values import JsonObject, JsonValue

_OF_SUCCESS = ("output", "next")
"""Parts of a result that say something of a task that succeeds."""


def read_result(outputs: JsonObject, types: Mapping[str, str | None]) -> TakeResult:
    """Return what a worklet decided; null stands for a part that it does not give.

    `types` are those of the variables of the job, None = any. Raises `Invalid` (`worklet.result`).
    """
    said = {name: value for name, value in outputs.items() if value is not None}
    unknown = next((name for name in said if name not in RESULT_FIELDS), None)
    if unknown is not None:
        raise _refused(f"`{unknown}` is not part of a result{one_of(unknown, RESULT_FIELDS)}")
    result = _result(said.get("result"))
    for name in _OF_SUCCESS:
        if name in said and result is not Result.SUCCEED:
            raise _refused(f"`{name}` is for a task that succeeds, and the result is {result}")
    end = _end(said.get("end"))
    if end is not None and result is Result.RETRY:
        raise _refused(f"the task cannot run again in a job that ends as {end}")
    return TakeResult(
        result=result,
        output=_mapping("output", said.get("output", {})),
        message=_message(said.get("message", "")),
        next=_keys("next", said["next"]) if "next" in said else None,
        variables=_variables(_mapping("set", said.get("set", {})), types),
        cancel=_keys("cancel", said.get("cancel", [])),
        end=end,
    )


def _result(value: JsonValue) -> Result:
    if value not in [*Result]:
        wanted = ", ".join(Result)
        raise _refused("it gives out no `result`" if value is None else f"`result` is one of {wanted}")
    return Result(str(value))


def _end(value: JsonValue) -> EndJob | None:
    if value is None:
        return None
    if value not in [*EndJob]:
        raise _refused(f"`end` is one of {', '.join(EndJob)}")
    return EndJob(str(value))


def _message(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise _refused("`message` is a text")
    return clip(value.strip(), REASON_MAX)


def _mapping(name: str, value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise _refused(f"`{name}` is a mapping")
    return value


def _keys(name: str, value: JsonValue) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise _refused(f"`{name}` is a list of keys of tasks")
    return tuple(dict.fromkeys(map(str, value)))


def _variables(values: JsonObject, types: Mapping[str, str | None]) -> JsonObject:
    for name, value in values.items():
        if name not in types:
            raise _refused(f"`set.{name}`: the job has no such variable{one_of(name, types)}")
        fault = value_fault(value, types[name])
        if fault is not None:
            raise _refused(f"`set.{name}`: {fault.reason}")
    return values


def _refused(reason: str) -> Invalid:
    return Invalid("worklet.result", reason)
