"""Faults of shape: pydantic's errors reworded, at positions in the text.

Used by the validation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.model.errors import Fault
from core.model.near_misses import one_of
from core.model.values import JsonObject
from core.workflows.data_fields import Variable
from core.workflows.definition import (
    PLANNED,
    Defaults,
    Document,
    Expect,
    LimitUse,
    Need,
    OnceUse,
    OnOutput,
    Param,
    Retry,
    ScheduleUse,
    Stage,
    Task,
)
from core.workflows.foreign_fields import in_place_of
from core.workflows.limits import FAULTS_MAX
from core.workflows.merging import INCLUDE
from core.workflows.positions import Positions, Step
from core.workflows.worklets import OnFailureUse

_INSIDE: dict[str, type[BaseModel]] = {
    "tasks": Task,
    "finally": Task,
    "stages": Stage,
    "needs": Need,
    "limits": LimitUse,
    "once": OnceUse,
    "params": Param,
    "retry": Retry,
    "on_failure": OnFailureUse,
    "on": OnOutput,
    "defaults": Defaults,
    "expect": Expect,
    "schedule": ScheduleUse,
}
_DECLARED: dict[str, type[BaseModel]] = {"params": Param, "variables": Variable}
"""Mappings whose keys are names of the author."""
_AS_ELSEWHERE = (Document, Stage, Task, Defaults)
"""What documents of other tools have, too, with other fields."""
_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be a string",
    "string_unicode": "is not valid text: it has half a character (a lone surrogate)",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}
_INCLUDE = (
    "`include` is read from files, and this document came without them: name its file to an engine of the"
    " same machine, or 'taskdeck workflows add' it, which sends all of it"
)
_INCLUDE_WITHIN = "`include` stands at the top of a document"
_NAME = "must be letters, digits, _, . and -"
_PATTERNS = {
    "key": "must begin with a-z and have only a-z, 0-9 and _",
    "as": "must begin with a-z and have only a-z, 0-9 and _",
    "each": "is not a task key: a-z first, then a-z, 0-9 and _",
    "task": "is not a task key: a-z first, then a-z, 0-9 and _",
    "queue": _NAME,
    "limit": _NAME,
    "prefer": _NAME,
    "on": "must be an error code like `timeout`, `http.5xx` or `shell.exit.75`",
}


def typed(document: JsonObject, positions: Positions) -> Document | list[Fault]:
    """Return the typed document, or every fault of its shape."""
    try:
        return Document.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [_to_fault(detail, positions) for detail in details[:FAULTS_MAX]]


def _to_fault(detail: ErrorDetails, positions: Positions) -> Fault:
    path = _untagged(detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_field(path, positions)
    if path and path[-1] == "[key]":
        if kind == "value_error":
            return positions.fault_at_key(path[:-1], "document.value", str(detail["ctx"]["error"]))
        message = f"`{path[-2]}` is not a name: use letters, digits and _, no digit first"
        return positions.fault_at_key(path[:-1], "document.name", message)
    if kind == "missing":
        return positions.fault_at(path, "document.missing", f"`{path[-1]}` is missing")
    return positions.fault_at(path, "document.value", _sentence(detail, path))


def _untagged(path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the path in the document: an item of `retry.on` has the name of its form behind it."""
    if len(path) < 5 and path[-4:-2] != ("retry", "on"):
        return path
    at = next((n for n in range(len(path) - 3) if path[n : n + 2] == ("retry", "on")), None)
    return path if at is None else (*path[: at + 3], *path[at + 4 :])


def _unknown_field(path: Sequence[Step], positions: Positions) -> Fault:
    name = str(path[-1])
    if name in PLANNED:
        return positions.fault_at_key(path, "document.planned", f"`{name}` is planned and not yet accepted")
    if name == INCLUDE:
        return positions.fault_at_key(path, "include.place", _INCLUDE if len(path) == 1 else _INCLUDE_WITHIN)
    model = _model_at(path[:-1])
    known = _fields(model)
    elsewhere = _its_place(name, model) or in_place_of(name) if model in _AS_ELSEWHERE else ""
    message = f"`{name}` is not known here{elsewhere or one_of(name, known)}"
    return positions.fault_at_key(path, "document.unknown_field", message)


def _model_at(path: Sequence[Step]) -> type[BaseModel]:
    """Return the model of the mapping at a path; names of parameters are not names of fields."""
    if len(path) == 2 and path[0] in _DECLARED:
        return _DECLARED[str(path[0])]
    names = [step for step in path if isinstance(step, str)]
    return _INSIDE.get(names[-1], Document) if names else Document


def _its_place(name: str, model: type[BaseModel]) -> str:
    """Return where a field of documents stands, to end a message with; nothing when there is none."""
    if model is not Document:
        return "; it stands at the top of a document" if name in _fields(Document) else ""
    if name not in _fields(Task):
        return ""
    return f"; it stands in a task{' or in `defaults`' if name in _fields(Defaults) else ''}"


def _fields(model: type[BaseModel]) -> Collection[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _sentence(detail: ErrorDetails, path: Sequence[Step]) -> str:
    kind = detail["type"]
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    subject = f"`{name}` " if name else ""
    facts = detail.get("ctx", {})
    if kind == "value_error":
        return f"`{name}`: {facts['error']}" if name else str(facts["error"])
    if kind == "string_pattern_mismatch" and name in _PATTERNS:
        return subject + _PATTERNS[name]
    if name == "cost" and kind == "dict_type":
        return "`cost` must be amounts by unit, like {usd: 0.02}, or auto"
    if kind in ("literal_error", "enum"):
        return f"{subject}must be {facts['expected']}"
    if kind == "too_long":
        return f"{subject}must have at most {facts['max_length']} items"
    if kind in ("too_short", "string_too_short"):
        return f"{subject}must not be empty"
    if kind == "string_too_long":
        return f"{subject}must have at most {facts['max_length']} characters"
    bounds = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
    if kind in bounds:
        phrase, fact = bounds[kind]
        return f"{subject}must be {phrase} {facts[fact]}"
    return subject + _SENTENCES[kind] if kind in _SENTENCES else f"{subject}: {detail['msg']}"
