"""JSON values, fixed ids and the text of moments, for every room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
    JsonObject: TypeAlias = dict[str, JsonValue]
else:
    # What reads types while running (the wire) cannot follow a type into itself, and need not.
    JsonValue = object
    JsonObject = dict[str, object]

_ENCODER = msgspec.json.Encoder()
ID_MAX = 2**63 - 1
"""No id and no time in ms is larger: SQLite keeps no larger number."""
MOMENT_MIN = -62_135_596_800_000
MOMENT_MAX = 253_402_300_799_999
"""The first and the last moment that a calendar has, ms UTC: the years 1 and 9999."""
INBOX = 1
"""The standing job of loose tasks; made with the store, never final."""
INBOX_STAGE = 1
"""The only stage of the inbox."""


def json_size(value: JsonValue) -> int:
    """Return how many bytes a JSON value has when it is written as UTF-8."""
    try:
        return len(_ENCODER.encode(value))
    except UnicodeEncodeError:
        # Half of a pair, as names of files have it: written as an escape.
        return len(json.dumps(value))


def json_line(value: Mapping[str, JsonValue]) -> str:
    """Write a JSON object on one line, all but ASCII escaped."""
    return json.dumps(value, ensure_ascii=True) + "\n"


def to_iso(at: int) -> str:
    """Write a moment (ms UTC) as ISO 8601 with milliseconds and a `Z`; later than any is the last one."""
    at = max(MOMENT_MIN, min(at, MOMENT_MAX))
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def iso_or_none(at: int | None) -> str | None:
    """Write a moment as `to_iso` does; None stays None."""
    return None if at is None else to_iso(at)
