"""Noise: how much of a history an event belongs to.

Used by the filters of events, the store's predicates, commands and console.
"""

from __future__ import annotations

from enum import IntEnum

from core.model.commands.work import ENGINE


class Noise(IntEnum):
    """How much of a history is told: each level has what the ones before it have."""

    STORY = 0
    """Verdicts, stages, failures of attempts and tasks, and what people asked for."""
    ENDS = 1
    """The end of each task and attempt, and what was noticed of them."""
    MOVES = 2
    """Each change of status."""
    ALL = 3
    """Each event."""


_ENDS = (
    "attempt.cancelled",
    "task.succeeded",
    "task.cancelled",
    "task.skipped",
    "task.slow",
    "task.silent",
    "task.duplicate",
    "task.judged_late",
    "output.cut",
    "call.ended",
    "usage.ignored",
    "price.unknown",
)
_MOVES = (
    "task.queued",
    "task.claimed",
    "task.retry_scheduled",
    "task.bounced",
    "task.interrupted",
    "task.parked",
    "task.waiting",
    "task.looked",
    "job.awaits_place",
    "job.took_place",
)
_ALL = ("task.created", "backend.probed")
NOISE: dict[str, Noise] = {
    **dict.fromkeys(_ENDS, Noise.ENDS),
    **dict.fromkeys(_MOVES, Noise.MOVES),
    **dict.fromkeys(_ALL, Noise.ALL),
}
"""The levels of kinds; those that are not named belong to the story."""
BORN = "task.created"
"""Tasks come with their job: who submitted that is told once."""


def noise_of(kind: str, actor: str | None) -> Noise:
    """Return the level of an event; what a person asked for belongs to the story, whatever it is."""
    level = NOISE.get(kind, Noise.STORY)
    return Noise.STORY if actor not in (None, ENGINE) and kind != BORN else level
