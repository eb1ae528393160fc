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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate as it was written, and its step."""

    step_us: int
    """Microseconds from one start to the next."""
    written: str


def parse_rate(value: object) -> Rate:
    """Return the rate that a text says; raise `Invalid` (`rate.invalid`)."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in PERIODS_US or not 1 <= int(match[1]) <= 1_000_000:
        shown = safe_line(repr(value)[:_SHOWN])
        raise Invalid(
            "rate.invalid",
            f"{shown} is not {RATE_WANTED}",
            hint=f"give {RATE_WANTED}",
            facts={"value": shown, "wanted": RATE_WANTED},
        )
    # Rounded up: never more starts than are allowed.
    step_us = max(1, -(-PERIODS_US[match[2]] // int(match[1])))
    return Rate(step_us=step_us, written=f"{int(match[1])}/{match[2]}")


def shown_rate(step_us: int, written: str) -> str:
    """Return a rate as it was written, where that is its step, else in the shortest period."""
    return written if written and parse_rate(written).step_us == step_us else write_rate(step_us)


def write_rate(step_us: int) -> str:
    """Return the rate with the shortest period that has a whole number of starts."""
    for name in ("s", "min", "hour", "day"):
        number = round(PERIODS_US[name] / step_us)
        if number and -(-PERIODS_US[name] // number) == step_us:
            return f"{number}/{name}"
    return f"{PERIODS_US['day'] // step_us}/day"
