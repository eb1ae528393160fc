"""Redaction: what looks like a secret is left out.

Used by the log, by events and by redirects of the http connector.
"""

from __future__ import annotations

import re
from typing import Final

from core.model.values import JsonObject, JsonValue

REDACTED: Final = "[redacted]"
SECRET_NAME = re.compile(
    r"authorization|cookie|token|passw|secret|api[-_]?key|credential|private[-_]?key", re.IGNORECASE
)
"""What the name of a secret holds: a field, a parameter, a variable, a header."""

_SECRET_TEXT = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=\bBearer )\S+|(?<=\bBasic )\S+", re.IGNORECASE)


def redacted_text(text: str) -> str:
    """Return a text without the passwords of URLs and without credentials of HTTP."""
    return _SECRET_TEXT.sub(REDACTED, text)


def redacted(name: str, value: JsonValue) -> JsonValue:
    """Return a named value without secrets, in whatever depth."""
    if SECRET_NAME.search(name):
        return REDACTED
    match value:
        case dict():
            return {key: redacted(key, item) for key, item in value.items()}
        case list():
            return [redacted("", item) for item in value]
        case str():
            return redacted_text(value)
        case _:
            return value


def redacted_object(values: JsonObject) -> JsonObject:
    """Return an object without secrets."""
    return {name: redacted(name, value) for name, value in values.items()}
