"""The noise of events as SQL.

Used by the predicates; `core.model.noise` says the same of one event.
"""

from __future__ import annotations

from core.model.commands.work import ENGINE
from core.model.noise import BORN, NOISE, Noise


def _kinds(level: Noise) -> str:
    return ", ".join(f"'{kind}'" for kind, of_kind in sorted(NOISE.items()) if of_kind is level)


_LEVELS = " ".join(
    f"WHEN event.kind IN ({_kinds(level)}) THEN {level:d}" for level in Noise if level is not Noise.STORY
)
NOISE_CODE = (
    f"CASE WHEN event.actor IS NOT NULL AND event.actor != '{ENGINE}' AND event.kind != '{BORN}'"
    f" THEN {Noise.STORY:d} {_LEVELS} ELSE {Noise.STORY:d} END"
)
"""An event's level, of its columns `kind` and `actor`."""
