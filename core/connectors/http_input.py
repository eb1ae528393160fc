"""The input schema of an http call; refuses header and address tricks.

Used by the connector `http`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue

from core.connectors.base import Input, WrittenText
from core.connectors.http_poll import PollInput, poll_faults
from core.model.bounds import UNITS_MAX, is_unit
from core.model.errors import Invalid
from core.model.ports import InputFault
from core.model.timing.durations import parse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.values import JsonObject

REDIRECTS_MAX = 5
OF_TOKENS = ("model", "input", "output")
_URL_MAX, _VALUE_MAX = 8_192, 8_192
_TIMEOUT_MAX_MS = 86_400_000
_BODIES = ("json", "body", "form")
_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$"
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")
# The client frames messages itself: a second opinion about length or connection is request smuggling.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})


def _header_name(name: str) -> str:
    if name.lower() in _FRAMING:
        raise ValueError("is set by taskdeck itself")
    return name


def _header_value(value: str) -> str:
    if _UNSAFE.search(value):
        raise ValueError("control characters are not allowed in a header")
    if len(value) > _VALUE_MAX:
        raise ValueError(f"a header has at most {_VALUE_MAX} characters")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("a header holds Latin-1 characters only") from None
    return value


def _url(value: str) -> str:
    if len(value) > _URL_MAX or _NOT_IN_URL.search(value):
        raise ValueError(f"a URL has at most {_URL_MAX} characters, no blanks or control characters")
    parts = urlsplit(value)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http:// or https:// and a host")
    if parts.port == 0:
        raise ValueError("port 0 cannot be used")
    return value


def _method(value: str) -> str:
    if value.upper() in ("CONNECT", "TRACE"):
        raise ValueError("CONNECT and TRACE are not offered")
    return value.upper()


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("lone surrogates cannot be sent") from None
    return value


def _length(value: float | str) -> float:
    """Return a time limit in seconds, 0 = none."""
    try:
        ms = parse_timeout(value)
    except Invalid as error:
        raise ValueError(f"{error.message}; {error.hint}") from None
    if ms > _TIMEOUT_MAX_MS:
        raise ValueError("a timeout is at most a day, or `none`")
    return ms / 1000


def _headers(headers: dict[str, str]) -> dict[str, str]:
    """Refuse a key that is none: with it a call counts as one that may be repeated."""
    if any(name.lower() == "idempotency-key" and not value.strip() for name, value in headers.items()):
        raise ValueError("an Idempotency-Key must not be empty; without one taskdeck sends its own")
    return headers


def _usage(places: dict[str, str]) -> dict[str, str]:
    wrong = next((name for name in places if name not in OF_TOKENS and not is_unit(name)), None)
    if wrong is not None or len(places) > UNITS_MAX + len(OF_TOKENS):
        raise ValueError(f"its keys are units, {', '.join(OF_TOKENS)}; at most {UNITS_MAX} units")
    return places


UsagePath: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=200)]
Text: TypeAlias = Annotated[str, AfterValidator(_text)]
Scalar: TypeAlias = Text | bool | int | float
HeaderName: TypeAlias = Annotated[str, Field(pattern=_NAME), AfterValidator(_header_name)]
HeaderValue: TypeAlias = Annotated[WrittenText, AfterValidator(_header_value)]
Status: TypeAlias = (
    Annotated[int, Field(ge=100, le=599)] | Annotated[str, Field(pattern=r"^[1-5]xx$", max_length=3)]
)


class HttpInput(Input):
    """What `with:` of an http call holds."""

    method: Annotated[str, Field(pattern=r"^[A-Za-z]{1,20}$"), AfterValidator(_method)] = "GET"
    url: Annotated[str, AfterValidator(_url)]
    """May hold `user:password@`, sent as basic authorization."""
    headers: Annotated[dict[HeaderName, HeaderValue], AfterValidator(_headers)] = Field(default_factory=dict)
    query: dict[Text, Scalar | list[Scalar]] = Field(default_factory=dict)
    """Added to the query of the URL; a list repeats its key."""
    json_: JsonValue = Field(default=None, alias="json")
    body: Annotated[WrittenText, AfterValidator(_text)] | None = None
    form: dict[Text, Scalar] | None = None
    expect: Status | Annotated[list[Status], Field(min_length=1)] = "2xx"
    """The statuses that are a success: `204`, `"2xx"`, or a list of them."""
    timeout: Annotated[float | str, AfterValidator(_length)] | None = None
    """For the whole call with its redirects: seconds, a length such as `2m`, or `none`."""
    usage: Annotated[dict[str, UsagePath], AfterValidator(_usage)] = Field(default_factory=dict)
    """Where the JSON body says what was spent: units, `model`, `input`, `output`; places as `usage.cost`."""
    redirects: int = Field(REDIRECTS_MAX, ge=0, le=REDIRECTS_MAX)
    """How many redirects are followed; with 0 a redirect is an answer like any other."""

    poll: PollInput | None = None
    """Ask again until the answer says so, outside the slot."""

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Return the faults of more than one body, and of a `poll` that does not go with the call."""
        yield from poll_faults(with_)
        given = [key for key in _BODIES if with_.get(key) is not None or (key == "json" and key in with_)]
        for key in given[1:]:
            yield InputFault(code="with.conflict", message=f"`{given[0]}` or `{key}`, not both", path=(key,))

    def expects(self, status: int) -> bool:
        """Return whether a status is a success."""
        wanted = self.expect if isinstance(self.expect, list) else [self.expect]
        return status in wanted or f"{status // 100}xx" in wanted

    def seconds(self, default: float | None) -> float | None:
        """Return the total timeout in seconds; None = no limit."""
        return default if self.timeout is None else float(self.timeout) or None


def written(value: Scalar) -> str:
    """Return a scalar as it stands in a query or form: `true`, `1`, `1.5`, text as it is."""
    return str(value).lower() if isinstance(value, bool) else str(value)
