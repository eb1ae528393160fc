"""Decide where a redirect leads, and which headers are dropped.

Used by the connector `http`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from core.model.records import replace
from core.model.redaction import SECRET_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES = frozenset({301, 302, 303, 307, 308})
_OF_BODY = re.compile(r"content-.*|digest|idempotency-key", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class RedirectRefused(ValueError):
    """Raised where a redirect must not be followed; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request of a call: where to, how, and whether the body goes along."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bool = True


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """Return the request that a redirect asks for; raise `RedirectRefused` for a dangerous one.

    303 turns everything but HEAD into GET, 301 and 302 turn POST into GET, 307 and 308 keep method and
    body. On another origin (scheme, host, port) headers that carry credentials are dropped for the rest
    of the call; `user:password@` of a location is never used. https never leads to http.
    Source: RFC 9110, section 15.4.
    """
    old, new = urlsplit(hop.url), _target(hop.url, location)
    if old.scheme.lower() == "https" and new.scheme != "https":
        raise RedirectRefused("the redirect leads from https to http")
    onward = replace(hop, url=urlunsplit(new))
    if _origin(old) != _origin(new):
        onward = replace(onward, headers=_without(onward.headers, SECRET_NAME, "host"))
    if (status == 303 and hop.method != "HEAD") or (status in (301, 302) and hop.method == "POST"):
        onward = replace(onward, method="GET", body=False, headers=_without(onward.headers, _OF_BODY))
    return onward


def _target(base: str, location: str) -> SplitResult:
    try:
        parts = urlsplit(urljoin(base, location.strip()))
        scheme, host, _ = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise RedirectRefused(f"the redirect has no valid location: {error}") from error
    if scheme not in _PORTS or not host:
        raise RedirectRefused("the redirect leads to something else than http or https")
    return parts._replace(scheme=scheme, netloc=parts.netloc.rpartition("@")[2], fragment="")


class _Origin(NamedTuple):
    scheme: str
    host: str | None
    port: int | None


def _origin(parts: SplitResult) -> _Origin:
    scheme = parts.scheme.lower()
    return _Origin(scheme, parts.hostname, parts.port or _PORTS.get(scheme))


def _without(headers: Mapping[str, str], pattern: re.Pattern[str], *names: str) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if not pattern.search(name) and name.lower() not in names
    }
