"""Bars: numbers over time in block characters, with their trend.

Used by the head of Pulse.

Textual's own Sparkline blends a colour for every cell and draws all of them at each change. These bars have
one style and are drawn by `StyledLines`, so that a tick costs the last bar only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from core.model.pulse import Rate
from core.model.text import SafeText

_BLOCKS = " ▁▂▃▄▅▆▇█"
_FULL = len(_BLOCKS) - 1
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How many tasks ended so: in each step, in the last minute, and in the best one."""

    steps: tuple[int, ...]
    now: int
    """In the newest minute, whose last step is not over."""
    peak: int


def trend_of(rates: Sequence[Rate], status: str) -> Trend:
    """Sum up how one status came about, oldest first."""
    steps = tuple(rate.ended.get(status, 0) for rate in rates)
    window = max(1, _MINUTE // rates[-1].seconds) if rates else 1
    minutes = [sum(steps[at : at + window]) for at in range(max(1, len(steps) - window + 1))]
    return Trend(steps=steps, now=minutes[-1], peak=max(minutes))


def bars(values: Sequence[int], *, width: int, height: int = 1) -> list[SafeText]:
    """Draw values as bars, flush right, top line first; the highest is full, 0 is empty, 1 is seen.

    Where the width is too small, neighbours are added up; where it is larger, bars get wider.
    """
    if width < 1 or not values:
        return [SafeText(" " * max(0, width))] * height
    shown = _add_up(values, width)
    wide = width // len(shown)
    top = max(shown)
    levels = [-(-value * _FULL * height // top) if top else 0 for value in shown]
    return [
        SafeText("".join(_block(level - row * _FULL) * wide for level in levels).rjust(width))
        for row in reversed(range(height))
    ]


def _add_up(values: Sequence[int], width: int) -> list[int]:
    # From the newest on: the oldest group may be the short one.
    size = -(-len(values) // width)
    newest = list(reversed(values))
    groups = zip_longest(*(newest[at::size] for at in range(size)), fillvalue=0)
    return [sum(group) for group in groups][::-1]


def _block(level: int) -> str:
    return _BLOCKS[max(0, min(level, _FULL))]
