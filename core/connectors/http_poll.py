"""The `poll:` of an http call: its schema, and its looks.

Used by the connector `http`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.model.errors import Invalid
from core.model.patterns.polls import EVERY_MS, LEAST_MS, TOLERATED, PollPlan
from core.model.ports import InputFault
from core.model.timing.durations import parse_document_duration, parse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.values import JsonObject

LOOKS = frozenset({"GET", "HEAD"})
"""Methods that may be asked again and again."""
_OF_CALL = ("body", "json", "form", "method", "query")
_HOW = "name in `poll.url` where the looks ask, such as `${{ headers.location }}`"


def _every(value: float | str) -> float:
    try:
        ms = parse_document_duration(value)
    except Invalid as error:
        raise ValueError(f"{error.message}; {error.hint}") from None
    if ms < LEAST_MS:
        raise ValueError("looks are at least a second apart")
    return ms / 1000


def _longest(value: float | str) -> float:
    try:
        return parse_timeout(value) / 1000
    except Invalid as error:
        raise ValueError(f"{error.message}; {error.hint}") from None


class PollInput(BaseModel):
    """What `poll:` of an http call holds."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    until: Annotated[str, Field(min_length=1, max_length=4_096)]
    """A condition over `status`, `headers`, `json` and `text` of an answer."""
    url: Annotated[str, Field(min_length=1, max_length=8_192)] | None = None
    """Where the looks ask, worked out of the first answer."""
    every: Annotated[float | str, AfterValidator(_every)] = EVERY_MS / 1000
    max: Annotated[float | str, AfterValidator(_longest)] = 0.0
    """The longest that is waited in all; `none` = as long as it takes."""
    tolerate: Annotated[int, Field(ge=0, le=1_000)] = TOLERATED
    """Looks in a row that may fail."""

    @property
    def plan(self) -> PollPlan:
        """Return how the call is repeated."""
        return PollPlan(
            until=self.until,
            url=self.url,
            every_ms=round(float(self.every) * 1_000),
            max_ms=round(float(self.max) * 1_000) or None,
            tolerate=self.tolerate,
        )


def poll_faults(with_: JsonObject) -> Iterator[InputFault]:
    """Yield what of a `poll:` does not go with the rest of the input."""
    poll, method = with_.get("poll"), with_.get("method", "GET")
    if not isinstance(poll, dict) or poll.get("url") is not None or not isinstance(method, str):
        return
    if "${{" not in method and method.upper() not in LOOKS:
        message = f"a look must not repeat a {method.upper()}: {_HOW}"
        yield InputFault(code="poll.method", message=message, path=("poll",))


def look_input(with_: JsonObject, url: str | None) -> JsonObject:
    """Return the input of one look: a GET of `url`, or else what the call itself asks; never a body.

    An address of another origin, which a server may name as it likes, gets none of the headers.
    """
    look = {name: value for name, value in with_.items() if name != "poll"}
    if url is None:
        return look
    first = str(with_.get("url", ""))
    where = urljoin(first, url)
    dropped = _OF_CALL if _origin(first) == _origin(where) else (*_OF_CALL, "headers")
    return {**{name: value for name, value in look.items() if name not in dropped}, "url": where}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())
    return parts.scheme.lower(), parts.hostname, port
