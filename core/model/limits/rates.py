"""Rates of starts: `60/min` as people write it, and its step.

Used by the configuration, the commands that change limits, and what shows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.model.errors import Invalid
from core.model.text import safe_line

PERIODS_US: Final = {
    name: length * 1_000_000
    for length, names in ((1, "s sec second"), (60, "min minute"), (3_600, "h hour"), (86_400, "d day"))
    for name in names.split()
}
"""The periods of a rate, by their names, in microseconds."""
RATE_WANTED = "a number of starts per s, sec, min, hour or day, such as 60/min"
_RATE = re.compile(r"\s*([0-9]{1,7})\s*/\s*([a-z]+)\s*", re.ASCII)
_SHOWN = 60
_RESERVE = 50
"""Of the time between two starts, one part in so many is added to it."""
_RESERVE_MOST_US = 25_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate as it was written, and its step."""

    step_us: int
    """Microseconds from one start to the next, with the reserve of 2 % and 25 ms at the most.

    A call may be some milliseconds late on its way, and the next in time: without a reserve, a server that
    counts the calls of any period would find one too many in it, and refuse that.
    """
    written: str


def parse_rate(value: object) -> Rate:
    """Return the rate that a text says; raise `Invalid` (`rate.invalid`)."""
    match = _match(value)
    if match is None:
        shown = safe_line(repr(value)[:_SHOWN])
        raise Invalid(
            "rate.invalid",
            f"{shown} is not {RATE_WANTED}",
            hint=f"give {RATE_WANTED}",
            facts={"value": shown, "wanted": RATE_WANTED},
        )
    step_us = _step_us(match)
    return Rate(
        step_us=step_us + min(step_us // _RESERVE, _RESERVE_MOST_US), written=f"{int(match[1])}/{match[2]}"
    )


def shown_rate(step_us: int, written: str) -> str:
    """Return a rate as it was written, where that is its step, else in the shortest period.

    A step that a store has kept since rates had no reserve is that of its rate, too.
    """
    match = _match(written)
    is_its_step = match is not None and step_us in (_step_us(match), parse_rate(written).step_us)
    return written if is_its_step else write_rate(step_us)


def _match(value: object) -> re.Match[str] | None:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    is_rate = match is not None and match[2] in PERIODS_US and 1 <= int(match[1]) <= 1_000_000
    return match if is_rate else None


def _step_us(match: re.Match[str]) -> int:
    """Return the time between two starts without a reserve, rounded up: never more than are allowed."""
    return max(1, -(-PERIODS_US[match[2]] // int(match[1])))


def write_rate(step_us: int) -> str:
    """Return the rate with the shortest period that has a whole number of starts, without a reserve."""
    for name in ("s", "min", "hour", "day"):
        number = round(PERIODS_US[name] / step_us)
        if number and -(-PERIODS_US[name] // number) == step_us:
            return f"{number}/{name}"
    return f"{PERIODS_US['day'] // step_us}/day"
