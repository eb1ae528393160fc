"""Decide how a measure does by its lines.

Called by the engine for each sample.
"""

from __future__ import annotations

from core.model.health import FALLING, HealthState, Lines, Measure

EASE = 0.1
"""A measure is better again once it is past its line by this part of it: one that sways says so once."""


def state_of(measure: Measure, value: float, lines: Lines, *, before: HealthState) -> HealthState:
    """Return how a measure does, that did as `before` says at the last sample."""
    is_falling = measure in FALLING
    for state, line in ((HealthState.CRITICAL, lines.hard), (HealthState.WARNING, lines.soft)):
        if line is None:
            continue
        was_past = before.rank >= state.rank
        ease = line * EASE if was_past else 0.0
        is_past = value < line + ease if is_falling else value > line - ease
        if is_past:
            return state
    return HealthState.OK


def is_worse(measure: Measure, value: float, than: float) -> bool:
    """Return whether one value of a measure is worse than another."""
    return value < than if measure in FALLING else value > than
