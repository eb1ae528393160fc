"""Durations: the parser of lengths of time, and their exact text.

Used by filters, documents, settings and the commands.
"""

from __future__ import annotations

import re

from core.model.errors import Invalid
from core.model.text import safe_line

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""The units a duration may be written in, longest first, in ms."""
LONGEST_MS = 100 * 366 * UNITS["d"]
"""No duration is longer than a century."""
NO_LIMIT = ("none", "0")
"""How no time limit is written; a number or length of zero says the same."""

_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(ms|[wdhms])\s*", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_TEXT_MAX = 100


def parse_duration(text: str) -> int:
    """Read a duration such as `250ms`, `1.5h`, `1h30m` and return ms, rounded to the nearest.

    Raises `Invalid` (`duration.invalid`, `duration.too_long`); a number without a unit is invalid.
    """
    if len(text) > _TEXT_MAX or not _WHOLE.fullmatch(text.strip()):
        raise _invalid(text)
    return _bounded(sum(float(number) * UNITS[unit] for number, unit in _PART.findall(text)), text)


def parse_document_duration(value: object) -> int:
    """Read a duration of a document, a text as `parse_duration` reads it or a number of seconds; return ms.

    Raises `Invalid` (`duration.invalid`, `duration.too_long`).
    """
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise _invalid(str(value))
    return _bounded(value * 1_000, str(value))


def parse_timeout(value: object) -> int:
    """Read a time limit, a duration of a document or `none`; return ms, 0 = no limit.

    Raises `Invalid` (`duration.invalid`, `duration.too_long`).
    """
    if isinstance(value, str) and value.strip().lower() in NO_LIMIT:
        return 0
    ms = parse_document_duration(value)
    # A limit below half a millisecond would be rounded to no limit at all.
    return ms or (1 if _is_positive(value) else 0)


def _is_positive(value: object) -> bool:
    if isinstance(value, str):
        return any(float(number) > 0 for number, _ in _PART.findall(value))
    return isinstance(value, int | float) and value > 0


def write_duration(ms: int) -> str:
    """Write a duration exactly, so that `parse_duration` returns it again; `ms` >= 0."""
    parts = []
    rest = ms
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _bounded(ms: float, text: str) -> int:
    # Compared before it is rounded: infinity has no whole number.
    if ms > LONGEST_MS:
        raise Invalid(
            "duration.too_long",
            f"'{safe_line(text[:40])}' is a longer length of time than a century",
            hint="use less",
            facts={"text": text[:40]},
        )
    return round(ms)


def _invalid(text: str) -> Invalid:
    return Invalid(
        "duration.invalid",
        f"'{safe_line(text[:40])}' is not a length of time",
        hint="write a number with a unit: 250ms, 90s, 10m, 1h30m, 7d",
        facts={"text": text[:40]},
    )
