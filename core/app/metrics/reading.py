"""What metrics are made of, read through a control.

Used by the endpoint and the command `metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.control.api import ReadingAPI
from core.model.health import HealthView
from core.model.limits.limit_views import CapacityView
from core.model.pulse import PulseView
from core.model.views import QueueView


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFacts:
    """What is read once for each answer."""

    health: HealthView
    queues: tuple[QueueView, ...]
    capacity: CapacityView
    pulse: PulseView


async def read_facts(deck: ReadingAPI) -> MetricFacts:
    """Read all of it; each part is a few statements."""
    return MetricFacts(
        health=await deck.health.now(),
        queues=tuple(await deck.queues()),
        capacity=await deck.limits.capacity(),
        pulse=await deck.pulse(),
    )
