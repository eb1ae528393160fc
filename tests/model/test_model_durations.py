"""Lengths of time: read, written exactly, written for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.durations import LONGEST_MS, aged, humanise, parse_duration, write_duration
from core.model.errors import Invalid


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("0s", 0),
        ("10m", 600_000),
        ("1.5h", 5_400_000),
        ("1h30m", 5_400_000),
        ("1w2d", 777_600_000),
        ("0.0004s", 0),
    ],
)
def test_lengths_are_read(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10 m", "-1s", "1S", "1e3s", "inf", "١s", "1s\n", "1.s", "1s" * 60]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_duration(text)
    assert refused.value.code == "duration.invalid"


def test_more_than_a_century_is_refused() -> None:
    assert parse_duration(write_duration(LONGEST_MS)) == LONGEST_MS
    for text in (write_duration(LONGEST_MS + 1), "9" * 15 + "w"):
        with pytest.raises(Invalid) as refused:
            parse_duration(text)
        assert refused.value.code == "duration.too_long"


def test_a_refusal_shows_the_text_safely() -> None:
    with pytest.raises(Invalid, match="␛"):
        parse_duration("\x1b[2J")


@given(st.integers(0, LONGEST_MS))
def test_what_is_written_is_read_again(ms: int) -> None:
    assert parse_duration(write_duration(ms)) == ms


@given(st.integers(0, LONGEST_MS))
def test_humanised_lengths_are_short_and_never_too_long(ms: int) -> None:
    shown = humanise(ms)
    assert len(shown) <= 9
    assert parse_duration(shown) <= ms


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
        (192_000, "3m12s"),
        (3_600_000, "1h"),
        (3_659_999, "1h"),
        (7_500_000, "2h5m"),
        (190_000_000, "2d4h"),
    ],
)
def test_lengths_are_written_for_people(ms: int, shown: str) -> None:
    assert humanise(ms) == shown


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
def test_what_happened_grows_older_by_the_minute_at_the_most(ms: int, shown: str) -> None:
    assert aged(ms) == shown
