"""Days by the clock of a zone, as moments."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core.model.timing.days import day_name, day_starts

HOUR = 3_600_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("zone", "since", "until", "names", "hours"),
    [
        ("UTC", "2026-03-28T05:00Z", "2026-03-30T00:00Z", ["03-28", "03-29"], [24]),
        ("Europe/Berlin", "2026-03-28T05:00Z", "2026-03-30T00:00Z", ["03-28", "03-29", "03-30"], [24, 23]),
        ("Europe/Berlin", "2026-10-25T05:00Z", "2026-10-26T05:00Z", ["10-25", "10-26"], [25]),
        (
            "America/Sao_Paulo",
            "2018-11-03T12:00Z",
            "2018-11-05T12:00Z",
            ["11-03", "11-04", "11-05"],
            [24, 23],
        ),
        ("Pacific/Kiritimati", "2026-01-01T09:59:59Z", "2026-01-01T10:00:01Z", ["01-01", "01-02"], [24]),
    ],
)
def test_days_begin_at_midnight_of_their_zone_or_when_clocks_went_forward(
    zone: str, since: str, until: str, names: list[str], hours: list[int]
) -> None:
    where = ZoneInfo(zone)
    starts = day_starts(ms(since), ms(until), where)
    assert [day_name(start, where)[5:] for start in starts] == names
    assert [(late - early) // HOUR for early, late in pairwise(starts)] == hours
    assert starts[0] <= ms(since)
    assert starts[-1] < ms(until)


def test_without_a_zone_days_are_those_of_this_machine() -> None:
    (start,) = day_starts(ms("2026-05-05T12:00"), ms("2026-05-05T13:00"), None)
    assert (start, day_name(start, None)) == (ms("2026-05-05T00:00"), "2026-05-05")
