"""What the keys of pools, limits, budgets, prices and backends may hold.

Used by the tables. Each type reads what stands in TOML and returns what the nouns hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from core.model import addresses, bounds
from core.model.errors import Invalid
from core.model.limits import rates
from core.model.limits.amounts import AMOUNT_MAX, WANTED, parse_amount
from core.model.limits.limit_fields import UNITS
from core.model.near_misses import did_you_mean
from core.model.retention import NEVER
from core.model.sizes import parse_size
from core.model.timing.durations import parse_document_duration, parse_duration
from core.model.timing.zones import zone_of

_T = TypeVar("_T")

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", re.ASCII)
_SECRET = re.compile(r"\$\{\{\s*secrets\.[A-Za-z0-9_.-]+?\s*\}\}")
_ESTIMATE = re.compile(r"estimate after (.+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def _reads(read: Callable[[object], _T], wanted: str) -> BeforeValidator:
    """Return a validator of which every refusal is the sentence `must be WANTED`."""

    def validate(value: object) -> _T:
        try:
            return read(value)
        except (Invalid, ValueError, OverflowError) as error:
            raise ValueError(f"must be {wanted}") from error

    return BeforeValidator(validate)


def matching(pattern: str, wanted: str) -> BeforeValidator:
    """Return a validator of texts that match a pattern whole, with a refusal that people can read."""

    def read(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            return value
        raise ValueError(value)

    return _reads(read, wanted)


def _dollars(value: object) -> Fraction:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= AMOUNT_MAX:
        # As it is written: the shortest decimal of a float.
        return Fraction(repr(value))
    raise ValueError(value)


def _clock(value: object) -> int:
    if isinstance(value, time) and value.microsecond == 0 and value.second == 0:
        return (value.hour * 60 + value.minute) * 60_000
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(value)
    return (int(match[1]) * 60 + int(match[2])) * 60_000


def _moment(value: object) -> int:
    if isinstance(value, datetime):
        moment: datetime | None = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC)
    else:
        moment = None
    if moment is None or not _EPOCH <= moment < _LATEST:
        raise ValueError(value)
    return (moment - _EPOCH) // _MS


def _estimate_after(value: object) -> int:
    match = _ESTIMATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(value)
    return parse_document_duration(match[1])


def _percent(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else value
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(value)
    return float(share)


def _http_url(value: object) -> str:
    return addresses.parse_http(str(value)).url


def _webhook(value: object) -> str:
    # A whole address is a secret of many services, and no part of one is known here.
    text = str(value)
    if not _SECRET.match(text):
        addresses.parse_http(_SECRET.sub("1", text))
    elif "${{" in _SECRET.sub("", text):
        raise ValueError(value)
    return text


def _host_port(value: object) -> addresses.HostPort:
    return addresses.parse_host_port(str(value))


def _name(value: object) -> str:
    bounds.check_name("name", value)
    return str(value)


def _zone(value: object) -> object:
    if isinstance(value, str):
        try:
            zone_of(value)
        except Invalid as error:
            raise ValueError(error.message) from error
    return value


def _unit(value: object) -> object:
    if isinstance(value, str) and not bounds.is_unit(value):
        near = did_you_mean(value.lower(), UNITS)
        raise ValueError(f"must be a name of a-z, 0-9 and _, a letter first, such as usd or tokens{near}")
    return value


NAMED = f"a name of at most {bounds.QUEUE_MAX} letters, digits, _, . and -, a letter or digit first"
Name = Annotated[str, _reads(_name, NAMED)]
"""The name of a queue or a pool."""
Text = Annotated[str, Field(min_length=1, max_length=bounds.NAME_MAX)]
Tag = Annotated[str, Field(min_length=1, max_length=bounds.TAG_MAX)]
Unit = Annotated[str, BeforeValidator(_unit)]
Zone = Annotated[str, BeforeValidator(_zone)]
Amount = Annotated[int, _reads(parse_amount, WANTED), WithJsonSchema({"type": ["number", "string"]})]
"""In millionths."""
Dollars = Annotated[
    Fraction,
    _reads(_dollars, f"a number of dollars from 0 to {AMOUNT_MAX:,}"),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": AMOUNT_MAX}),
]
Rate = Annotated[
    rates.Rate,
    _reads(rates.parse_rate, rates.RATE_WANTED),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]{1,7}\s*/\s*[a-z]+\s*$"}),
]
Clock = Annotated[
    int, _reads(_clock, 'a time of the day, such as "06:00"'), WithJsonSchema({"type": "string"})
]
"""In ms after midnight."""
Moment = Annotated[
    int,
    _reads(_moment, "a date from 1970 to 2199, such as 2026-01-01 without quotes"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""In ms UTC; a date, or a time without a zone, is one of UTC."""
EstimateAfter = Annotated[
    int,
    _reads(_estimate_after, '"estimate after" and a length of time, such as 24h'),
    WithJsonSchema({"type": "string", "pattern": "^\\s*estimate after "}),
]
"""In ms."""


def _lasting(value: object) -> int:
    return NEVER if value == "never" else parse_duration(value if isinstance(value, str) else "")


Lasting = Annotated[
    int,
    _reads(_lasting, 'a length of time with its unit, such as "30d", or "never"'),
    Field(ge=1),
    WithJsonSchema({"type": "string"}),
]
"""In ms."""
Duration = Annotated[
    int,
    _reads(parse_document_duration, 'a length of time, such as "30s"'),
    Field(ge=1, le=86_400_000),
    WithJsonSchema({"type": ["string", "number"]}),
]
"""In ms, a day at most."""
Percent = Annotated[
    float,
    _reads(_percent, 'a share, such as "10%" or 0.1'),
    WithJsonSchema({"type": ["string", "number"]}),
]
Bytes = Annotated[
    int, _reads(parse_size, 'a size, such as "64MiB"'), WithJsonSchema({"type": ["string", "number"]})
]
HttpUrl = Annotated[
    str,
    _reads(_http_url, "an http or https address without a password, such as http://127.0.0.1:8080/health"),
]
Webhook = Annotated[
    str,
    _reads(
        _webhook,
        "an http or https address without a password, such as https://chat.example.com/hooks/deck,"
        " or ${{ secrets.NAME }}",
    ),
]
HostPort = Annotated[
    addresses.HostPort,
    _reads(_host_port, "HOST:PORT, such as db1:5432 or [::1]:5432"),
    WithJsonSchema({"type": "string"}),
]
Argument = Annotated[
    str, matching(r"[^\x00]{0,4096}", "a text of at most 4,096 characters, none of them NUL")
]
FilePath = Annotated[
    str, matching(r"[^\x00]{1,4096}", "a path of at most 4,096 characters, none of them NUL")
]
Variable = Annotated[
    str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of a variable: letters, digits and _, no digit first")
]
Span = Annotated[
    int,
    _reads(parse_document_duration, 'a length of time, such as "6h"'),
    WithJsonSchema({"type": ["string", "number"]}),
]
"""In ms, of any length."""
Share = Annotated[float, Field(ge=0, le=1)]
