"""Which failures are refusals of a backend, and for how long.

Called by the store's completions, through `writer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.outcomes import Failed, TimedOut

if TYPE_CHECKING:
    from core.model.outcomes import Outcome

LONGEST_MS = 3_600_000
"""A refusal shuts a backend no longer, whatever its server says."""
_REFUSING = (429, 503)


def refused_for(failed: Failed) -> int | None:
    """Return for how long (ms) an answer asks to send nothing more; None = it does not.

    These are 429 (Too Many Requests) and 503 (Service Unavailable) with Retry-After: RFC 9110, 10.2.3.
    """
    after = failed.retry_after_ms
    if not after or failed.error.facts.get("status") not in _REFUSING:
        return None
    return min(after, LONGEST_MS)


def fault_of(outcome: Outcome) -> str | None:
    """Return the class of a failure that speaks against its backend; None = it does not.

    A permanent failure is the fault of the task: the backend is there and answers.
    """
    match outcome:
        case TimedOut():
            return outcome.code
        case Failed(permanent=False):
            return outcome.error.code
        case _:
            return None
