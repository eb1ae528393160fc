"""Trends: numbers of equal times as a row of bars.

Used by the lists of commands and console.
"""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"


def trend_text(numbers: Sequence[int]) -> str:
    """Return one bar for each number, the largest the highest; a zero is a dot."""
    most = max(numbers, default=0)
    return "".join(_NOTHING if not number else _BARS[(number * 8 - 1) // most] for number in numbers)
