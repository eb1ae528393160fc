"""Redaction: what looks like a secret is left out.

Used by the log, by events, by bundles and by redirects of the http connector.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from core.model.values import JsonObject, JsonValue

REDACTED: Final = "[redacted]"
_NAMES = r"authorization|cookie|token|passw|secret|api[-_]?key|credential|private[-_]?key"
SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
"""What the name of a secret holds: a field, a parameter, a variable, a header."""

_SECRET_TEXT = re.compile(r"(?<=://)[^/\s?#\"'<>]+(?=@)|(?<=\bBearer )\S+|(?<=\bBasic )\S+", re.IGNORECASE)
_IN_QUERY = re.compile(
    r"([?&](?:key|sig|signature|auth|code|session|sid|x-amz-[\w-]+)=)[^&\s#\"'<>]+", re.IGNORECASE
)
_ASSIGNED = re.compile(rf"([\w.-]*(?:{_NAMES})[\w.-]*=)(?!=)[^&\s#\"'<>]+", re.IGNORECASE)
_FLAG = re.compile(rf"--?[\w.-]*(?:{_NAMES})[\w.-]*", re.IGNORECASE)
_NAMED_PARAM = re.compile(r"(?:params|vars)\s*(?:\.\s*([\w-]+)|\[\s*['\"]([^'\"]+)['\"]\s*\])")
_WITHHELD = frozenset({"env", "headers", "stdin", "stdin_base64"})
"""Fields of documents and inputs whose values are never shown, whatever they are called."""


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


def shareable_text(text: str) -> str:
    """Return a text that may leave the house: also without `token=...` and keys in queries of URLs."""
    return _ASSIGNED.sub(rf"\1{REDACTED}", _IN_QUERY.sub(rf"\1{REDACTED}", redacted_text(text)))


def shareable(value: JsonValue, *, hidden: Collection[str] = ()) -> JsonValue:
    """Return a value that may leave the house; objects and lists keep their form.

    Without what is below `env`, `headers`, `stdin`, a name of a secret or one that is `hidden`, without the
    argument behind `--password` and its like, and with texts as `shareable_text` makes them.
    """
    match value:
        case dict():
            return {
                shareable_text(name): _masked(part) if _is_withheld(name, hidden) else shareable(part)
                for name, part in value.items()
            }
        case list():
            before = ["", *value[:-1]] if value else []
            return [
                REDACTED
                if isinstance(flag, str) and isinstance(part, str) and _FLAG.fullmatch(flag)
                else shareable(part)
                for flag, part in zip(before, value, strict=True)
            ]
        case str():
            return shareable_text(value)
        case _:
            return value


def params_of_secrets(document: JsonValue, *, withheld: bool = False) -> set[str]:
    """Return parameters, and variables, that a document puts into environments, headers or standard input."""
    match document:
        case dict():
            return {
                param
                for name, part in document.items()
                for param in params_of_secrets(part, withheld=withheld or _is_withheld(name, ()))
            }
        case list():
            return {param for part in document for param in params_of_secrets(part, withheld=withheld)}
        case str() if withheld:
            return {plain or quoted for plain, quoted in _NAMED_PARAM.findall(document)}
        case _:
            return set()


def _is_withheld(name: str, hidden: Collection[str]) -> bool:
    return name in _WITHHELD or name in hidden or SECRET_NAME.search(name) is not None


def _masked(value: JsonValue) -> JsonValue:
    """Return the form of a value, every text and number in it replaced."""
    match value:
        case dict():
            return {name: _masked(part) for name, part in value.items()}
        case list():
            return [_masked(part) for part in value]
        case None | bool():
            return value
        case _:
            return REDACTED
