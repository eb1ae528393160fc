"""Lengths of time: read from text, written exactly, written for people."""

from __future__ import annotations

import re

from core.model.errors import Invalid
from core.model.text import safe_line

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""The units a length may be written in, longest first, in ms."""
LONGEST_MS = 100 * 366 * UNITS["d"]
"""No length of time is longer than a century."""

_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)(ms|[wdhms])", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse_duration(text: str) -> int:
    """Read a length such as `250ms`, `1.5h`, `1h30m` and return ms, rounded to the nearest.

    Raises `Invalid` (`duration.invalid`, `duration.too_long`); a number without a unit is invalid.
    """
    if len(text) > 100 or not _WHOLE.fullmatch(text):
        raise Invalid(
            "duration.invalid",
            f"'{safe_line(text[:40])}' is not a length of time",
            hint="write a number with a unit: 250ms, 90s, 10m, 1h30m, 7d",
        )
    length = round(sum(float(number) * UNITS[unit] for number, unit in _PART.findall(text)))
    if length > LONGEST_MS:
        raise Invalid(
            "duration.too_long", f"'{safe_line(text[:40])}' is longer than a century", hint="use less"
        )
    return length


def write_duration(ms: int) -> str:
    """Write a length exactly, so that `parse_duration` returns it again; `ms` >= 0."""
    parts = []
    rest = ms
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def humanise(ms: int) -> str:
    """Write a length for people, by its two largest units: `250ms`, `4.2s`, `3m12s`, `2d5h`.

    What is smaller is cut off; a negative length (clocks differ) is `0ms`.
    """
    if ms < 1_000:
        return f"{max(ms, 0)}ms"
    if ms < 10_000:
        return f"{ms // 100 / 10:g}s"
    units = [(unit, size) for unit, size in UNITS.items() if unit not in ("w", "ms")]
    first = next(index for index, (_, size) in enumerate(units) if size <= ms)
    unit, size = units[first]
    count, rest = divmod(ms, size)
    if first + 1 == len(units):
        return f"{count}{unit}"
    smaller_unit, smaller = units[first + 1]
    return f"{count}{unit}" + (f"{rest // smaller}{smaller_unit}" if rest >= smaller else "")


def aged(ms: int) -> str:
    """Write how long ago something was: `<1m`, `73m`, `5h12m`, `2d5h`.

    In minutes at the finest: a screen on which nothing happens is to stand still.
    """
    if ms < UNITS["m"]:
        return "<1m"
    return f"{ms // UNITS['m']}m" if ms < 2 * UNITS["h"] else humanise(ms)
