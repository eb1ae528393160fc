"""Sights: what a control that reads knows beside the rows.

Made by who makes a `ReadingControl`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.control.health_answers import HealthSight
from core.control.prediction_answers import Planning
from core.control.wait_answers import EngineSight, no_engine
from core.model.errors import TaskdeckError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """What the engine and the configuration tell."""

    engine: EngineSight = no_engine
    """How the engine does, which is part of why tasks wait."""
    planning: Callable[[], Planning] | None = None
    """How documents are read and claims made, without which nothing is predicted."""
    health: HealthSight = field(default_factory=HealthSight)
    """What the engine knows of its machine, or how that is judged without it."""
    damage: Callable[[TaskdeckError], None] | None = None
    """Hears which rows answers were given without."""
