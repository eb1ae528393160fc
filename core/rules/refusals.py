"""Which failures are refusals of a backend, and for how long.

Called by the store's completions, through `writer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.outcomes import Failed

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
