"""Outcomes without the secrets of their attempts.

Called by the runner before an outcome is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.masking import masked_text
from core.model.outcomes import Bounced, Failed, Lost, Outcome, Parked, Skipped, Succeeded
from core.model.records import replace
from core.model.values import JsonObject, JsonValue


def masked_outcome(outcome: Outcome, masks: Sequence[bytes]) -> Outcome:
    """Return an outcome with masks for each form of a secret, in whatever it says."""
    match outcome:
        case Succeeded():
            reason = None if outcome.reason is None else masked_text(outcome.reason, masks)
            return replace(outcome, output=_masked(outcome.output, masks), reason=reason)
        case Skipped():
            output = _masked(outcome.output, masks)
            return replace(outcome, output=output, reason=masked_text(outcome.reason, masks))
        case Failed(error=error):
            message, facts = masked_text(error.message, masks), masked_object(error.facts, masks)
            return replace(outcome, error=replace(error, message=message, facts=facts))
        case Parked(seen=seen):
            return replace(outcome, seen=masked_object(seen, masks))
        case Lost() | Bounced():
            return replace(outcome, reason=masked_text(outcome.reason, masks))
        case _:
            return outcome


def _masked(value: JsonValue, masks: Sequence[bytes]) -> JsonValue:
    match value:
        case dict():
            return masked_object(value, masks)
        case list():
            return [_masked(item, masks) for item in value]
        case str():
            return masked_text(value, masks)
        case bool() | None:
            return value
        case _:
            # A secret of digits is one as a number, too.
            shown = str(value)
            masked = masked_text(shown, masks)
            return value if masked == shown else masked


def masked_object(values: JsonObject, masks: Sequence[bytes]) -> JsonObject:
    return {masked_text(name, masks): _masked(item, masks) for name, item in values.items()}
