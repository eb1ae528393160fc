"""What a rehearsed verb would start and spend.

Used by the reports of operators' commands.
"""

from __future__ import annotations

from core.cli.output import note
from core.model.commands import Operated
from core.model.values import JsonObject
from core.render.prediction_texts import cost_shape, starts_text


def note_starts(result: Operated) -> None:
    """Write what would start, if anything would."""
    if result.starts:
        note(f"  {starts_text(result)}")


def starts_shape(result: Operated) -> JsonObject:
    """Return the ids of what would start, and the amounts by unit, as JSON."""
    return {"starts": list(result.starts), "costs": [cost_shape(cost) for cost in result.costs]}
