"""Moments: the parser of an earlier time.

Used by the commands and the console.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.model.errors import Invalid
from core.model.text import safe_line
from core.model.timing.durations import parse_duration

FORMS = "02:10, yesterday 02:10, 2026-11-28T02:10, 2026-11-28T02:10Z, -2h"
_AGO = re.compile(r"-\s*(\S.*)|(\S.*?)\s+ago", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(today|yesterday)\s+)?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)", re.IGNORECASE)
_LONGEST = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_past(text: str, *, now: int) -> int:
    """Read a length of time as so long ago, `30d`, else a moment; return ms UTC, raise as `parse_moment`."""
    try:
        return max(0, now - parse_duration(text))
    except Invalid:
        return parse_moment(text, now=now)


def parse_moment(text: str, *, now: int) -> int:
    """Read a moment by the clock of this machine, unless it names a zone; return ms UTC (as is `now`).

    A time alone is the last one that has been, today or yesterday. A moment ahead is returned as well.
    Raises `Invalid` (`moment.invalid`).
    """
    typed = " ".join(text.split())
    ago, clock = _AGO.fullmatch(typed), _CLOCK.fullmatch(typed)
    try:
        if len(typed) > _LONGEST:
            raise ValueError(typed)
        if ago is not None:
            at = now - parse_duration(ago[1] or ago[2])
        elif clock is not None:
            at = _last_time(clock[1], clock[2], now)
        else:
            # Without a zone it is read as one of this machine.
            at = (datetime.fromisoformat(typed).astimezone() - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError, Invalid) as error:
        raise _invalid(typed) from error
    if at < 0:
        raise _invalid(typed)
    return at


def _last_time(day: str | None, clock: str, now: int) -> int:
    parts = [int(part) for part in clock.split(":")]
    present = datetime.fromtimestamp(now / 1_000, UTC).astimezone()
    # By the calendar, then given its zone: a day on which clocks are put forward has 23 hours.
    moment = present.replace(
        tzinfo=None, hour=parts[0], minute=parts[1], second=sum(parts[2:]), microsecond=0
    )
    is_ahead = moment.astimezone() > present
    if (day or "").lower() == "yesterday" or (day is None and is_ahead):
        moment -= timedelta(days=1)
    return (moment.astimezone() - _EPOCH) // timedelta(milliseconds=1)


def _invalid(text: str) -> Invalid:
    return Invalid(
        "moment.invalid",
        f"'{safe_line(text[:40])}' is not a moment since 1970: write {FORMS}",
        facts={"text": text[:40]},
    )
