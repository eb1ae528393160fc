"""Durations and timestamps of expressions: read, written, taken apart.

Used by the table of functions and the conversions.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.workflows.expressions.kinds import Rule

_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")
_WHOLE = re.compile(rf"-?(?:{_PART.pattern})+|-?0")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
)
_UNITS = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def read_duration(text: str) -> timedelta:
    """Read a length such as `1h30m`, `-1.5s`; raise ValueError for anything else."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("a duration is written as `1h30m`, `90s`, `1.5s`")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def write_duration(value: timedelta) -> str:
    """Write a length as Go does: `1h30m0s`, `1.5s`."""
    sign = "-" if value < timedelta(0) else ""
    seconds, part = divmod(abs(value), _SECOND)
    hours, rest = divmod(seconds, 3600)
    minutes, whole = divmod(rest, 60)
    fraction = f"{part.microseconds:06}".rstrip("0")
    text = f"{whole}.{fraction}s" if fraction else f"{whole}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def read_timestamp(text: str) -> datetime:
    """Read a moment as RFC 3339 writes it, with its zone; raise ValueError for anything else."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("a timestamp is written as `2026-01-31T08:00:00Z`")
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _duration_parts() -> dict[str, Rule]:
    def rule(unit: timedelta) -> Rule:
        return Rule(takes=("duration",), gives="int", call=lambda value: int(value / unit))

    return {
        "getHours": rule(timedelta(hours=1)),
        "getMinutes": rule(timedelta(minutes=1)),
        "getSeconds": rule(_SECOND),
        "getMilliseconds": Rule(
            takes=("duration",), gives="int", call=lambda value: value.microseconds // 1000
        ),
    }


def _moment(call: object) -> Rule:
    return Rule(takes=("timestamp",), gives="int", call=call)  # type: ignore[arg-type] # Each takes a datetime.


def _methods() -> dict[str, tuple[Rule, ...]]:
    moments = {
        "getFullYear": _moment(lambda at: at.year),
        "getMonth": _moment(lambda at: at.month - 1),
        "getDate": _moment(lambda at: at.day),
        "getDayOfMonth": _moment(lambda at: at.day - 1),
        "getDayOfWeek": _moment(lambda at: at.isoweekday() % 7),
        "getDayOfYear": _moment(lambda at: at.timetuple().tm_yday - 1),
        "getHours": _moment(lambda at: at.hour),
        "getMinutes": _moment(lambda at: at.minute),
        "getSeconds": _moment(lambda at: at.second),
        "getMilliseconds": _moment(lambda at: at.microsecond // 1000),
    }
    durations = _duration_parts()
    return {name: (rule, *([durations[name]] if name in durations else [])) for name, rule in moments.items()}


TIME_METHODS: dict[str, tuple[Rule, ...]] = _methods()
"""Moments are taken apart in UTC; months, days of the year and days of the week count from 0."""
