"""Moments to come, by the clock of a zone."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.model.timing.zoned_moments import coming_moment

HOUR = 3_600_000
NOW = 1_700_000_000_000


def test_a_time_alone_is_one_to_come() -> None:
    assert coming_moment("+2h", "UTC", now=NOW) == NOW + 2 * HOUR
    for typed in ("00:00", "12:00", "23:59:59"):
        assert NOW < coming_moment(typed, "Asia/Kolkata", now=NOW) <= NOW + 25 * HOUR
    assert coming_moment("9:05", "UTC", now=NOW) % (24 * HOUR) == 9 * HOUR + 300_000


def test_a_moment_is_one_of_the_zone_unless_it_names_its_own() -> None:
    assert coming_moment(" 2030-01-01T00:00 ", "Europe/Berlin", now=NOW) == 1_893_452_400_000
    assert coming_moment("2030-01-01T00:00Z", "Europe/Berlin", now=NOW) == 1_893_456_000_000


@pytest.mark.parametrize("typed", ["", "soon", "25:00", "+", "2026-13-01", "٢٣:٠٠", "9" * 300])
def test_what_is_no_moment_is_refused_with_its_forms(typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        coming_moment(typed, "UTC", now=NOW)
    assert caught.value.code in ("moment.invalid", "duration.invalid")
