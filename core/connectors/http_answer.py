"""Judge an HTTP response: its status, Retry-After, and the output from it.

Used by the connector `http`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from core.connectors.http_body import HEAD_BYTES
from core.connectors.strict_json import parse_json
from core.model.outcomes import Failed, TaskError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.model.values import JsonObject, JsonValue

TEXT_BYTES = 64 * 1024
"""Bytes from the start of a body that become `text`."""
RETRY_AFTER_MAX_MS = 86_400_000
"""A server may ask for a day of patience, not for more."""
_HEADERS_MAX, _HEADER_MAX, _EXCERPT = 100, 2_048, 500
_JSON_TYPE = re.compile(r"\s*application/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_-]{1,20})", re.IGNORECASE)
# Python knows encodings that are slow or no text at all; a server chooses among these.
_KNOWN_CHARSET = re.compile(
    r"utf-?8|us-ascii|utf-16(?:le|be)?|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(?:jp|kr)"
    r"|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: status, headers by lower-case name, where the body is, its start and size.

    `problem` says why the body is not what the server packed.
    """

    status: int
    headers: dict[str, str]
    path: Path
    head: bytes
    size: int
    problem: str | None = None


def output(answer: Answer) -> JsonObject:
    """Return the output of a call: `status`, `headers`, `path`, `size`, and `json` or else `text`, `problem`.

    `json` only where the content type says so and the whole body parses within the limits (256 KiB, depth
    200), says each key once and has no number that only looks like one (1e999); `text` is the first 64 KiB,
    `omitted` how many bytes after it are in the file only.
    """
    result: JsonObject = {
        "status": answer.status,
        "headers": dict(answer.headers),
        "path": str(answer.path),
        "size": answer.size,
    }
    if answer.problem is not None:
        result["problem"] = answer.problem
    if _JSON_TYPE.match(answer.headers.get("content-type", "")) and answer.size <= HEAD_BYTES:
        try:
            return {**result, "json": _parse(answer.head)}
        except ValueError:
            # A body that lies about its type is still readable.
            pass
    return {**result, "text": text(answer), "omitted": max(0, answer.size - TEXT_BYTES)}


def text(answer: Answer, limit: int = TEXT_BYTES) -> str:
    """Return the start of the body as text; what does not decode becomes U+FFFD."""
    named = _CHARSET.search(answer.headers.get("content-type", ""))
    charset = named[1] if named and _KNOWN_CHARSET.fullmatch(named[1]) else "utf-8"
    try:
        return answer.head[:limit].decode(charset, "replace")
    except LookupError:
        return answer.head[:limit].decode("utf-8", "replace")


def refusal(answer: Answer, *, now: int) -> Failed:
    """Return the failure of an answer whose status was not expected; `now` in ms UTC.

    Retryable: `http.408`, `http.429`, `http.5xx`. Permanent: `http.4xx`, and `http.status` for a status
    below 400. The real status is among the facts.
    """
    status = answer.status
    if status in (408, 429):
        code, permanent = f"http.{status}", False
    elif status >= 400:
        code, permanent = f"http.{status // 100}xx", status < 500
    else:
        code, permanent = "http.status", True
    return Failed(
        error=TaskError(
            code=code,
            message=f"the server answered {status}",
            facts={"status": status, "path": str(answer.path), "text": text(answer, _EXCERPT)},
        ),
        permanent=permanent,
        retry_after_ms=None if permanent else retry_after_ms(answer.headers.get("retry-after", ""), now=now),
    )


def retry_after_ms(value: str, *, now: int) -> int | None:
    """Read Retry-After, seconds or an HTTP date, as ms from `now`, between 0 and a day; None = no such."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,20}", value, re.ASCII):
        return min(int(value) * 1000, RETRY_AFTER_MAX_MS)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    # A date that says -0000 is UTC too, but comes back without a zone.
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0, min(round(aware.timestamp() * 1000) - now, RETRY_AFTER_MAX_MS))


def tame_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name, repeated ones joined; bounded, without control characters."""
    tamed: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("latin-1").lower()
        value = "".join(c if c.isprintable() else "\ufffd" for c in raw_value.decode("latin-1"))[:_HEADER_MAX]
        if name in tamed:
            tamed[name] = f"{tamed[name]}, {value}"[:_HEADER_MAX]
        elif len(tamed) < _HEADERS_MAX:
            tamed[name] = value
    return tamed


def _parse(raw: bytes) -> JsonValue:
    """Parse JSON; ValueError for anything that is none, or that no output may hold."""
    return parse_json(raw.decode(json.detect_encoding(raw)), pairs=_unique)


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return entries
