"""The wire format of requests, answers and errors: JSON as ASCII bytes.

Used by both ends of the socket: `calls` and `routes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

import msgspec
from msgspec import structs

from core.control.error_forms import error_from_json, garbled
from core.control.wire_forms import FilterForm, decode_form, form_of
from core.filters.terms import Filter
from core.model.errors import Bug, Invalid, TaskdeckError

if TYPE_CHECKING:
    from core.model.values import JsonObject, JsonValue

T = TypeVar("T")

PROTOCOL = 3
"""Number of what travels below `PATH`; raised when an older client or engine would misread the other."""
PATH = f"/v{PROTOCOL}/"
"""Every verb is a POST to this and its name."""
HELLO = "/hello"
STOP = "/stop"
"""Frozen for all protocols, and outside their paths, so that different ones can recognise and end each other:
`/hello` takes `{"protocol", "version"}` and answers `{"protocol", "version", "pid", "epoch", "state"}`,
`/stop` takes `{"how": "stop" | "drain" | "kill"}` and answers `{}`. Unknown fields are ignored."""
BODY_BYTES = 64 * 2**20
"""No request is longer."""


def encode(value: object) -> bytes:
    """Write JSON as ASCII, so that NUL and lone surrogates pass; of records without the defaults.

    Raises `Invalid` (`wire.unwritable`) for what cannot be JSON, anywhere in it.
    """
    try:
        return _ENCODER.encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(
            "wire.unwritable",
            f"this cannot be written as JSON: {error}",
            hint="use plain JSON values",
            facts={"reason": str(error)},
        ) from error


def encode_answer(value: object) -> bytes:
    """Write a view of ours: bytes go as base64, sets as lists; raise `Invalid` (`wire.unwritable`)."""
    try:
        return encode(msgspec.to_builtins(value))
    except RecursionError as error:
        raise Invalid(
            "wire.unwritable",
            "the answer is nested too deeply",
            hint="ask for less",
            facts={"reason": str(error)},
        ) from error


def decode(body: bytes | bytearray) -> JsonValue:
    """Read JSON; raise `Invalid` (`wire.unreadable`) for anything else, NaN and Infinity too."""
    try:
        return cast("JsonValue", msgspec.json.decode(body))
    except (ValueError, RecursionError):
        # It refuses some of what JSON allows, as lone surrogates and numbers beyond floats.
        return _decode_slowly(body)


def _decode_slowly(body: bytes | bytearray) -> JsonValue:
    try:
        return cast("JsonValue", _DECODER.decode(body.decode()))
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "wire.unreadable",
            f"this is not JSON: {error}",
            hint="send a JSON object",
            facts={"reason": str(error)},
        ) from error


def decode_object(body: bytes | bytearray) -> JsonObject:
    """Read a JSON object; raise `Invalid` (`wire.unreadable`)."""
    value = decode(body)
    if not isinstance(value, dict):
        raise Invalid(
            "wire.unreadable",
            "this is not a JSON object",
            hint="send a JSON object",
        )
    return value


def decode_request(body: bytes | bytearray, kind: type[T]) -> T:
    """Read a request; raise `Invalid` (`wire.unreadable`, `wire.field` with the fact `field`, `filter.*`)."""
    body_object = decode_object(body)
    try:
        form: object = msgspec.convert(body_object, type=form_of(kind))
    except msgspec.ValidationError as error:
        raise unfit(_field_of(str(error))) from error
    # msgspec passes over what a record does not have; half of a request must not be carried out.
    surplus = _surplus(body_object, form)
    if surplus:
        raise unfit(surplus)
    return decode_form(form, kind)


def decode_answer(body: bytes | bytearray, kind: type[T]) -> T:
    """Read an answer, passing over fields of newer engines; raise `Bug` (`engine.garbled`)."""
    try:
        return msgspec.convert(decode(body), type=kind)
    except (Invalid, msgspec.ValidationError) as error:
        raise garbled() from error


def check_answer(answer: T, kind: type[T]) -> T:
    """Return an answer as a client would read it; raise `Bug` (`engine.garbled`) where none could."""
    try:
        return msgspec.convert(msgspec.to_builtins(answer), type=kind)
    except (TypeError, ValueError, RecursionError) as error:
        raise garbled() from error


def unfit(field: str) -> Invalid:
    """Return the refusal of a request whose field is missing, unknown or of another type."""
    return Invalid(
        "wire.field",
        f"the request's field '{field[:64]}' is missing, unknown or of another type",
        hint="client and engine may differ in version: compare 'taskdeck version'",
        facts={"field": field[:64]},
    )


def check_size(size: int, limit: int) -> None:
    """Raise `Invalid` (`request.too_large`) for more bytes than a request may have."""
    if size > limit:
        raise Invalid(
            "request.too_large",
            f"a request has at most {limit} bytes",
            hint="name the document by its path, or send fewer tasks at a time",
            facts={"limit": limit},
        )


def crashed(status: int = 500) -> Bug:
    """Return the error for an engine that failed at something outside our tree; its log has the details."""
    return Bug(
        "engine.crashed",
        f"the engine could not answer (status {status})",
        hint="see the engine's log, and report this",
        facts={"status": status},
    )


def error_from_answer(body: bytes, status: int) -> TaskdeckError:
    """Return the error in the answer to a refused request; anything else than an error is a `Bug`."""
    try:
        return error_from_json(decode(body))
    except Invalid:
        return crashed(status)


def _field_of(message: str) -> str:
    """Return the path of the field that a message of msgspec names: `specs[0].priority`."""
    named, place = _NAMED.search(message), _PLACE.search(message)
    path = place.group(1).lstrip(".") if place else ""
    return ".".join(part for part in (path, named.group(1) if named else "") if part)


def _surplus(value: object, read: object) -> str:
    """Return the path of a field that is in the JSON value and was not read, if there is one."""
    if isinstance(read, tuple) and isinstance(value, list) and read and _defaults(type(read[0])):
        paths = (_surplus(part, made) for part, made in zip(value, read, strict=True))
        return next((path for path in paths if path), "")
    defaults = _defaults(type(read))
    if defaults is None or not isinstance(value, dict):
        return ""
    for name, part in value.items():
        if name not in defaults:
            if name in _tag(type(read)):
                continue
            return str(name)
        if isinstance(part, (dict, list)) and part and (path := _surplus(part, getattr(read, name))):
            return f"{name}.{path}"
    return ""


def _json_parts(value: object) -> dict[str, object]:
    """Return as an object what the encoder does not know; fields that have their default are left out."""
    if isinstance(value, Filter):
        value = FilterForm.of(value)
    defaults = _defaults(type(value))
    if defaults is None and isinstance(value, Mapping):
        return dict(value)
    if defaults is None:
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    told = {name: part for name, default in defaults.items() if (part := getattr(value, name)) != default}
    return {**_tag(type(value)), **told}


def _tag(kind: type) -> Mapping[str, object]:
    """Return what tells a record of a union from the others: a name and a value."""
    config = cast("type[msgspec.Struct]", kind).__struct_config__
    return {} if config.tag_field is None else {config.tag_field: config.tag}


def _defaults(kind: type) -> Mapping[str, object] | None:
    """Return the fields of a record with their defaults; None for anything else."""
    if kind in _DEFAULTS:
        return _DEFAULTS[kind]
    is_record = issubclass(kind, msgspec.Struct)
    said = {field.name: _default(field) for field in structs.fields(kind)} if is_record else None
    return _DEFAULTS.setdefault(kind, said)


def _default(field: structs.FieldInfo) -> object:
    made: object = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return made


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


_DEFAULTS: dict[type, Mapping[str, object] | None] = {}
_NAMED = re.compile(r"(?:required|unknown) field `(.*?)`", re.DOTALL)
_PLACE = re.compile(r" at `\$(.*)`$", re.DOTALL)
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_json_parts)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
