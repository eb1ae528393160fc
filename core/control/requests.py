"""What callers send: specs, targets and options, to JSON and back."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar, cast

from core.control.api import SubmitOptions, Target
from core.model.errors import Invalid
from core.model.fields import Noun
from core.model.filters import parse, render
from core.model.plans import NO_RETRY, Backoff, Jitter, OnLoss, RetryPolicy, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.model.values import JsonObject, JsonValue

T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)

_TEXT, _NUMBER, _OBJECT = (str,), (int,), (dict,)
_MAYBE_TEXT = (str, type(None))
_SPEC: dict[str, tuple[type, ...]] = {
    "uses": _TEXT,
    "with_": _OBJECT,
    "key": _TEXT,
    "name": _MAYBE_TEXT,
    "queue": _TEXT,
    "priority": _NUMBER,
    "timeout": (int, float, type(None)),
    "on_loss": _TEXT,
    "retry": _OBJECT,
    "metadata": _OBJECT,
    "context": _OBJECT,
}
_RETRY: dict[str, tuple[type, ...]] = {
    "max_attempts": _NUMBER,
    "backoff": _TEXT,
    "base_ms": _NUMBER,
    "max_ms": _NUMBER,
    "jitter": _TEXT,
    "on": (list,),
}
_OPTIONS: dict[str, tuple[type, ...]] = {
    "actor": _TEXT,
    "cwd": _MAYBE_TEXT,
    "env": _OBJECT,
    "client_key": _MAYBE_TEXT,
    "name": _MAYBE_TEXT,
}


def specs_to_json(specs: Iterable[TaskSpec]) -> list[JsonValue]:
    """Return loose tasks as JSON objects, in order; what is usual is left out."""
    return [_spec_to_json(spec) for spec in specs]


def specs_from_json(value: JsonValue) -> tuple[TaskSpec, ...]:
    """Return the loose tasks that were sent; raise `Invalid` (`wire.field`)."""
    return tuple(_spec_from_json(spec) for spec in list_of(value, "specs"))


def target_to_json(target: Target) -> JsonObject:
    """Return a target as JSON; a filter goes as its noun and its text."""
    if target.job_id is not None:
        return {"job_id": target.job_id}
    if target.task_ids is not None:
        return {"task_ids": list(target.task_ids)}
    if target.filter is not None:
        return {"filter": render(target.filter), "noun": target.filter.noun.value}
    return {"queue": target.queue}


def target_from_json(value: JsonValue) -> Target:
    """Return the target that was sent; raise `Invalid` (`wire.field`, `target.one`, `filter.*`)."""
    sent = object_of(value, "target")
    text = optional_text(sent, "filter")
    return Target(
        job_id=integer(sent, "job_id") if "job_id" in sent else None,
        task_ids=integers(sent, "task_ids") if "task_ids" in sent else None,
        filter=None if text is None else parse(text, _word(Noun, sent.get("noun"), "noun")),
        queue=optional_text(sent, "queue"),
    )


def options_to_json(options: SubmitOptions) -> JsonObject:
    """Return the options of a submit as JSON."""
    return {name: cast("JsonValue", getattr(options, name)) for name in _OPTIONS}


def options_from_json(value: JsonValue) -> SubmitOptions:
    """Return the options that were sent; raise `Invalid` (`wire.field`)."""
    return _build(SubmitOptions, _checked(object_of(value, "options"), _OPTIONS))


def text(body: JsonObject, name: str) -> str:
    """Return a text of a request, empty if it is absent; raise `Invalid` (`wire.field`)."""
    return optional_text(body, name) or ""


def optional_text(body: JsonObject, name: str) -> str | None:
    """Return a text of a request or None; raise `Invalid` (`wire.field`)."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _fault(name)


def flag(body: JsonObject, name: str) -> bool:
    """Return a yes or no of a request, no if it is absent; raise `Invalid` (`wire.field`)."""
    value = body.get(name, False)
    if isinstance(value, bool):
        return value
    raise _fault(name)


def integer(body: JsonObject, name: str) -> int:
    """Return a whole number of a request; raise `Invalid` (`wire.field`)."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _fault(name)


def integers(body: JsonObject, name: str) -> tuple[int, ...]:
    """Return the whole numbers of a list; raise `Invalid` (`wire.field`)."""
    values = list_of(body.get(name), name)
    if not all(type(value) is int for value in values):
        raise _fault(name)
    return tuple(cast("list[int]", values))


def object_of(value: JsonValue, name: str) -> JsonObject:
    """Return a JSON object as such; raise `Invalid` (`wire.field`)."""
    if isinstance(value, dict):
        return value
    raise _fault(name)


def list_of(value: JsonValue, name: str) -> list[JsonValue]:
    """Return a JSON list as such; raise `Invalid` (`wire.field`)."""
    if isinstance(value, list):
        return value
    raise _fault(name)


def _spec_to_json(spec: TaskSpec) -> JsonObject:
    sent: JsonObject = {"uses": spec.uses, "with_": spec.with_, "key": spec.key, "queue": spec.queue}
    if spec.name is not None:
        sent["name"] = spec.name
    if spec.priority:
        sent["priority"] = spec.priority
    if spec.timeout is not None:
        sent["timeout"] = spec.timeout
    if spec.on_loss is not OnLoss.RETRY:
        sent["on_loss"] = spec.on_loss
    if spec.retry != NO_RETRY:
        sent["retry"] = {**{name: getattr(spec.retry, name) for name in _RETRY}, "on": list(spec.retry.on)}
    if spec.metadata:
        sent["metadata"] = spec.metadata
    if spec.context:
        sent["context"] = spec.context
    return sent


def _spec_from_json(value: JsonValue) -> TaskSpec:
    fields = _checked(object_of(value, "specs"), _SPEC)
    if "on_loss" in fields:
        fields["on_loss"] = _word(OnLoss, fields["on_loss"], "on_loss")
    if "retry" in fields:
        fields["retry"] = _retry(cast("JsonObject", fields["retry"]))
    return _build(TaskSpec, fields)


def _retry(value: JsonObject) -> RetryPolicy:
    fields = _checked(value, _RETRY)
    if "backoff" in fields:
        fields["backoff"] = _word(Backoff, fields["backoff"], "backoff")
    if "jitter" in fields:
        fields["jitter"] = _word(Jitter, fields["jitter"], "jitter")
    on = cast("list[object]", fields.get("on", []))
    if not all(isinstance(code, str) for code in on):
        raise _fault("on")
    return _build(RetryPolicy, {**fields, "on": tuple(on)})


def _checked(value: JsonObject, kinds: dict[str, tuple[type, ...]]) -> dict[str, object]:
    # By exact type: true and false are no numbers.
    for name, part in value.items():
        if type(part) not in kinds.get(name, ()):
            raise _fault(name)
    return dict(value)


def _build(kind: Callable[..., T], fields: dict[str, object]) -> T:
    try:
        return kind(**fields)
    except TypeError as error:
        raise Invalid(
            "wire.field", f"the request is incomplete: {error}", hint="compare the versions"
        ) from error


def _word(kind: type[W], value: object, name: str) -> W:
    try:
        return kind(str(value))
    except ValueError as error:
        raise _fault(name) from error


def _fault(name: str) -> Invalid:
    return Invalid(
        "wire.field",
        f"the request's field '{name[:64]}' is missing, unknown or of another type",
        hint="client and engine may differ in version: compare 'taskdeck version'",
        facts={"field": name[:64]},
    )
