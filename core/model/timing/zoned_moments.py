"""Moments to come, by the clock of a zone.

Used by documents, the commands and the console.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from core.model.errors import Invalid
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.timing.moments import parse_moment
from core.model.timing.wall_clock import EPOCH, MS
from core.model.timing.zones import zone_of

FORMS = "18:30, 2026-11-28T02:10, 2026-11-28T02:10Z, +2h"
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)


def moment_in(text: str, zone: str) -> int:
    """Read ISO 8601, by the clock of a zone unless it has an offset; return ms UTC, raise `ValueError`."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=zone_of(zone))) - EPOCH) // MS


def coming_moment(text: str, zone: str, *, now: int) -> int:
    """Read a moment by the clock of a zone; a time alone, or behind a +, is one to come. ms UTC.

    Raises `Invalid` (`moment.invalid`, `zone.unknown`).
    """
    try:
        return _coming(text.strip(), zone, now)
    except (ValueError, OverflowError) as error:
        shown = safe_line(text[:40])
        raise Invalid(
            "moment.invalid", f"'{shown}' is not a moment: write {FORMS}", facts={"text": shown}
        ) from error


def _coming(typed: str, zone: str, now: int) -> int:
    if typed.startswith("+"):
        return now + parse_duration(typed[1:])
    if _CLOCK.fullmatch(typed):
        today = datetime.fromtimestamp(now / 1_000, zone_of(zone)).date()
        days = (today + timedelta(days=number) for number in range(3))
        hour = typed.rjust(len("00:00") if typed.count(":") == 1 else len("00:00:00"), "0")
        return next(at for day in days if (at := moment_in(f"{day.isoformat()}T{hour}", zone)) > now)
    try:
        return moment_in(typed, zone)
    except ValueError:
        return parse_moment(typed, now=now)
