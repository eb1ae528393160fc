"""Times and durations as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.timing.durations import LONGEST_MS, parse_duration
from core.render.times import age_text, duration_text


@given(st.integers(0, LONGEST_MS))
def test_a_shown_duration_is_short_and_never_too_long(ms: int) -> None:
    shown = duration_text(ms)
    assert len(shown) <= 9
    assert parse_duration(shown) <= ms


@given(st.integers(0, LONGEST_MS))
def test_a_shown_duration_is_short_by_less_than_its_smaller_unit(ms: int) -> None:
    assert ms - parse_duration(duration_text(ms)) < max(1, ms // 9)


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (-5, "0ms"),
        (0, "0ms"),
        (250, "250ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (4_290, "4.2s"),
        (9_999, "9.9s"),
        (10_000, "10s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (61_000, "1m1s"),
        (192_000, "3m12s"),
        (3_600_000, "1h"),
        (3_659_999, "1h"),
        (7_500_000, "2h5m"),
        (86_400_000, "1d"),
        (190_000_000, "2d4h"),
        (1_209_600_000, "14d"),
    ],
)
def test_durations_are_shown_by_their_two_largest_units(ms: int, shown: str) -> None:
    assert duration_text(ms) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (-5, "<1m"),
        (59_999, "<1m"),
        (60_000, "1m"),
        (3_072_000, "51m"),
        (7_199_999, "119m"),
        (7_200_000, "2h"),
        (18_720_000, "5h12m"),
        (190_800_000, "2d5h"),
    ],
)
def test_an_age_grows_by_the_minute_at_the_most(ms: int, shown: str) -> None:
    assert age_text(ms) == shown
