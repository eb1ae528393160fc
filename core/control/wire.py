"""The words on the socket: JSON as ASCII bytes, and errors that come back as themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, cast

from core.model import errors
from core.model.errors import Bug, Fault, Invalid, InvalidDocument, TaskdeckError

if TYPE_CHECKING:
    from core.model.values import JsonObject, JsonValue

PATH = "/v1/"
"""Every verb is a POST to this and its name."""
VERB_NAMES = (
    "submit",
    "enqueue",
    "cancel",
    "retry",
    "pause",
    "resume",
    "hold",
    "unhold",
    "wait_job",
    "wait_tasks",
    "stop",
    "status",
)
"""Every verb of the socket."""
BODY_BYTES = 64 * 2**20
"""No request is longer."""

ERRORS: dict[str, type[TaskdeckError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, TaskdeckError)
}
"""The error tree by name."""


def encode(value: JsonValue) -> bytes:
    """Write JSON as ASCII, so that NUL and lone surrogates pass; raise `Invalid` (`wire.unwritable`)."""
    try:
        return _ENCODER.encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(
            "wire.unwritable", f"this cannot be written as JSON: {error}", hint="use plain JSON values"
        ) from error


def decode(body: bytes | bytearray) -> JsonValue:
    """Read JSON; raise `Invalid` (`wire.unreadable`) for anything else, NaN and Infinity too."""
    try:
        return cast("JsonValue", _DECODER.decode(body.decode()))
    except (ValueError, RecursionError) as error:
        raise Invalid("wire.unreadable", f"this is not JSON: {error}", hint="send a JSON object") from error


def decode_object(body: bytes | bytearray) -> JsonObject:
    """Read a JSON object; raise `Invalid` (`wire.unreadable`)."""
    value = decode(body)
    if not isinstance(value, dict):
        raise Invalid("wire.unreadable", "this is not a JSON object", hint="send a JSON object")
    return value


def check_size(size: int, limit: int) -> None:
    """Raise `Invalid` (`request.too_large`) for more bytes than a request may have."""
    if size > limit:
        raise Invalid(
            "request.too_large",
            f"a request has at most {limit} bytes",
            hint="name the document by its path, or send fewer tasks at a time",
            facts={"limit": limit},
        )


def error_to_json(error: TaskdeckError) -> JsonObject:
    """Return the wire form of an error: that of the tree and its class, the nearest known one."""
    kind = next(base.__name__ for base in type(error).__mro__ if ERRORS.get(base.__name__) is base)
    return {"error": {"kind": kind, **error.to_json()}}


def error_from_json(value: JsonValue) -> TaskdeckError:
    """Return the error that was sent, of the same class; an unknown class is a `TaskdeckError`."""
    sent = value.get("error") if isinstance(value, dict) else None
    if not isinstance(sent, dict):
        return garbled()
    kind = ERRORS.get(str(sent.get("kind")), TaskdeckError)
    facts = sent.get("facts")
    # Past the constructors: those of some classes make code and message from other things.
    error = kind.__new__(kind, sent.get("message"))
    TaskdeckError.__init__(
        error,
        str(sent.get("code")),
        str(sent.get("message")),
        hint=str(sent.get("hint", "")),
        facts=facts if isinstance(facts, dict) else None,
    )
    if isinstance(error, InvalidDocument):
        error.source = str(error.facts.get("source", ""))
        error.faults = _faults(error.facts.get("faults"))
    return error


def garbled() -> Bug:
    """Say that an answer of the engine has another shape than its verb's."""
    return Bug(
        "engine.garbled",
        "the engine's answer is not understood",
        hint="client and engine may differ in version: restart the engine with this taskdeck",
    )


def error_from_answer(body: bytes, status: int) -> TaskdeckError:
    """Return the error in the answer to a refused request; what is no error of ours is a `Bug`."""
    try:
        return error_from_json(decode(body))
    except Invalid:
        return Bug(
            "engine.crashed",
            f"the engine could not answer (status {status})",
            hint="see the engine's log, and report this",
        )


def _faults(value: JsonValue) -> tuple[Fault, ...]:
    found = value if isinstance(value, list) else []
    return tuple(_fault(fault) for fault in found if isinstance(fault, dict))


def _fault(fault: JsonObject) -> Fault:
    line, column = fault.get("line"), fault.get("column")
    return Fault(
        code=str(fault.get("code")),
        message=str(fault.get("message")),
        line=line if isinstance(line, int) else None,
        column=column if isinstance(column, int) else None,
        path=str(fault.get("path", "")),
    )


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
