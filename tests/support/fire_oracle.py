"""When cron expressions fire, by croniter and dateutil alone.

Nothing of `core.timetables` is used here: times of the clock are listed by croniter, one after the other,
and put into a zone by dateutil, which has a reader of zones of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from croniter import croniter
from dateutil import tz

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTC = timezone.utc  # noqa: UP017 - as dateutil compares it
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_MARGIN = timedelta(hours=26)
"""More than any clock was ever changed by."""
_STEP = timedelta(minutes=30)
"""No zone has an offset for less than that."""


def cron_fires(expression: str, zone: str, begin: int, end: int, *, rule: str) -> list[int]:
    """Return the fires with begin <= fire < end, in order, by one of three rules.

    `once`: each time of the clock once. `shown`: whenever the clock shows a time. `shown or next`: the same,
    and skipped times at the next moment.
    """
    place: tzinfo = tz.gettz(zone)
    found: set[int] = set()
    margin = _most_change(place, begin, end) + timedelta(hours=1)
    for wall in _walls(expression, _wall(begin, place) - margin, _wall(end, place) + margin):
        found.update(_moments(wall, place, rule))
    return sorted(at for at in found if begin <= at < end)


def _most_change(place: tzinfo, begin: int, end: int) -> timedelta:
    """Return how far apart the offsets of a zone are about that time, or more than any ever were."""
    first, last = (_EPOCH + timedelta(milliseconds=at) for at in (begin, end))
    if last - first > timedelta(days=3):
        return _MARGIN
    steps = (last - first + 2 * _MARGIN) // _STEP + 1
    offsets = {(first - _MARGIN + step * _STEP).astimezone(place).utcoffset() for step in range(steps)}
    known = [offset for offset in offsets if offset is not None]
    return max(known) - min(known)


def _wall(at: int, place: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(place).replace(tzinfo=None)


def _walls(expression: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    listing = croniter(
        expression, begin, ret_type=datetime, implement_cron_bug=True, second_at_beginning=True
    )
    while (wall := listing.get_next()) < end:
        yield wall


def _moments(wall: datetime, place: tzinfo, rule: str) -> list[int]:
    local = wall.replace(tzinfo=place)
    if not tz.datetime_exists(local):
        if rule == "shown":
            return []
        while not tz.datetime_exists(local):
            local = local.replace(second=0) + timedelta(minutes=1)
        return [_ms(local)]
    if not tz.datetime_ambiguous(local):
        return [_ms(local)]
    both = sorted(_ms(tz.enfold(local, fold)) for fold in (0, 1))
    return both[:1] if rule == "once" else both


def _ms(local: datetime) -> int:
    return (local.astimezone(_UTC) - _EPOCH) // timedelta(milliseconds=1)
