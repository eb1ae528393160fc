"""Lengths of time as documents write them: `250ms`, `2s`, `10m`, `1h`, `1d`, or seconds."""

from __future__ import annotations

import re

from core.model.values import JsonValue

_PATTERN = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(?P<unit>ms|s|m|h|d)", re.ASCII)
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_MS = 3_650 * 86_400_000
"""Ten years; longer ones are slips of the pen."""


def to_ms(value: JsonValue) -> int:
    """Return a length in whole ms; raise `ValueError` in words for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a length of time is written like 250ms, 2s, 10m, 1h, 1d, or as seconds")  # noqa: TRY004 # pydantic turns only these into faults
    if isinstance(value, str):
        match = _PATTERN.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value[:40]!r} is no length of time; write 250ms, 2s, 10m, 1h, 1d, or seconds")
        length = float(match["number"]) * _MS[match["unit"]]
    else:
        length = value * 1000
    if not 0 <= length <= LONGEST_MS:
        raise ValueError("a length of time lies between 0 and 3650d")
    return round(length)
