"""Measures of an engine: their states, and the last hour of each.

Kept by the health of the engine; what changes is told once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.model.health import (
    DEFAULT_LINES,
    TREND_MINUTES,
    HealthState,
    Lines,
    Measure,
    MeasureView,
)
from core.rules.machine_health import is_worse, state_of

CALM = 4
"""Samples in a row by which a measure is better again: one that sways is not told each time."""
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureChange:
    """A measure that does otherwise than before."""

    measure: Measure
    before: HealthState
    now: HealthState
    value: float
    lines: Lines


@dataclass(slots=True, kw_only=True)
class _Kept:
    value: float
    since: int
    state: HealthState = HealthState.OK
    calm: int = 0
    """Samples in a row that are better than the state."""
    minute: int = 0
    trend: deque[float] = field(default_factory=lambda: deque(maxlen=TREND_MINUTES))


class Measures:
    """The last value of each measure, its state since when, the worst of each of the last minutes."""

    def __init__(self, lines: Mapping[Measure, Lines]) -> None:
        self.lines = {**DEFAULT_LINES, **lines}
        self._kept: dict[Measure, _Kept] = {}

    def take(self, values: Mapping[Measure, float], *, now: int) -> Iterator[MeasureChange]:
        """Take a sample in (`now` in engine time, ms); yield what does otherwise than before."""
        for measure, value in values.items():
            kept = self._kept.get(measure)
            if kept is None:
                kept = self._kept[measure] = _Kept(value=value, since=now)
            _remember(kept, measure, value, minute=now // _MINUTE_MS)
            lines, before = self.lines[measure], kept.state
            state = state_of(measure, value, lines, before=before)
            kept.calm = kept.calm + 1 if state.rank < before.rank else 0
            if state.rank > before.rank or kept.calm >= CALM:
                kept.state, kept.since, kept.calm = state, now, 0
                yield MeasureChange(measure=measure, before=before, now=state, value=value, lines=lines)

    def views(self, *, offset: int) -> tuple[MeasureView, ...]:
        """Return them; `offset` = how far engine time is ahead of the wall clock."""
        return tuple(
            MeasureView(
                measure=measure,
                value=kept.value,
                state=kept.state,
                since=kept.since - offset,
                lines=self.lines[measure],
                trend=tuple(kept.trend),
            )
            for measure, kept in self._kept.items()
        )


def _remember(kept: _Kept, measure: Measure, value: float, *, minute: int) -> None:
    kept.value = value
    if minute != kept.minute or not kept.trend:
        kept.minute = minute
        kept.trend.append(value)
    elif is_worse(measure, value, kept.trend[-1]):
        kept.trend[-1] = value
