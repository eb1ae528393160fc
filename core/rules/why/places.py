"""Say which place under a limit a child waits for.

Called for the tasks of that child.
"""

from __future__ import annotations

from core.model.text import safe_line
from core.model.waits import AwaitedPlace, Reason, WaitCode
from core.rules.why.gauges import holder_numbers, holders_text


def place_reason(job_id: int, place: AwaitedPlace) -> Reason:
    """Return that a job, a child, waits for a place under a limit."""
    limit = safe_line(place.limit)
    name = safe_line(place.limit.partition("=")[0])
    taken = "1 is taken" if place.taken == 1 else f"{place.taken:,} are taken"
    held = f": {safe_line(holders_text(place.holders))}" if place.holders else ""
    ends = f"the end of one of them; a larger `max`: 'taskdeck limits set {name} +1'"
    if place.above is not None:
        held = f"{held}; job {place.above} above it has one, and cannot end before it"
    return Reason(
        code=WaitCode.PLACE,
        short=f"place {limit}",
        text=f"its job {job_id} waits for one of {place.most:,} places under limit {limit}; {taken}{held}",
        ends=ends,
        numbers={
            "limit": place.limit,
            "max": place.most,
            "open": place.taken,
            "job": job_id,
            "above": place.above,
            "holders": holder_numbers(place.holders),
        },
    )
