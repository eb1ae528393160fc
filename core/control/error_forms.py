"""The JSON form of errors, both ways.

Used by `wire`, and by engines that report how their start went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import errors
from core.model.errors import Bug, Fault, InvalidDocument, TaskdeckError

if TYPE_CHECKING:
    from core.model.values import JsonObject, JsonValue

ERRORS: dict[str, type[TaskdeckError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, TaskdeckError)
}
"""The error tree by name."""


def error_to_json(error: TaskdeckError) -> JsonObject:
    """Return the wire form of an error: that of the tree and its class, the nearest known one."""
    kind = next(base.__name__ for base in type(error).__mro__ if ERRORS.get(base.__name__) is base)
    return {"error": {"kind": kind, **error.to_json()}}


def error_from_json(value: JsonValue) -> TaskdeckError:
    """Return the error of a wire form, of the same class; an unknown class is a `TaskdeckError`."""
    form = value.get("error") if isinstance(value, dict) else None
    if not isinstance(form, dict):
        return garbled()
    kind = ERRORS.get(str(form.get("kind")), TaskdeckError)
    facts = form.get("facts")
    # Past the constructors: those of some classes make code and message from other things.
    error = kind.__new__(kind, form.get("message"))
    TaskdeckError.__init__(
        error,
        str(form.get("code")),
        str(form.get("message")),
        hint=str(form.get("hint", "")),
        facts=facts if isinstance(facts, dict) else None,
    )
    if isinstance(error, InvalidDocument):
        error.source = str(error.facts.get("source", ""))
        error.faults = _faults(error.facts.get("faults"))
    return error


def garbled() -> Bug:
    """Return the error for an answer that has another shape than its verb's."""
    return Bug(
        "engine.garbled",
        "the engine's answer is not understood",
        hint="client and engine may differ in version: restart the engine with this taskdeck",
    )


def _faults(value: JsonValue) -> tuple[Fault, ...]:
    faults = value if isinstance(value, list) else []
    return tuple(_fault(fault) for fault in faults if isinstance(fault, dict))


def _fault(fault: JsonObject) -> Fault:
    line, column = fault.get("line"), fault.get("column")
    return Fault(
        code=str(fault.get("code")),
        message=str(fault.get("message")),
        line=line if isinstance(line, int) else None,
        column=column if isinstance(column, int) else None,
        path=str(fault.get("path", "")),
        file=str(fault.get("file", "")),
    )
