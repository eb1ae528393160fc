"""Tests of moments as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.model.errors import Invalid
from core.model.timing.moments import parse_moment

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


@pytest.fixture(params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def moment(text: str, now: datetime = NOW) -> datetime:
    ms = int(now.timestamp() * 1_000)
    return datetime.fromtimestamp(parse_moment(text, now=ms) / 1_000, UTC)


@pytest.mark.parametrize(
    ("text", "utc", "new_york"),
    [
        ("02:10", "2026-11-28T02:10Z", "2026-11-27T07:10Z"),
        ("2:10:30", "2026-11-28T02:10:30Z", "2026-11-27T07:10:30Z"),
        ("23:40", "2026-11-27T23:40Z", "2026-11-27T04:40Z"),
        ("today 21:00", "2026-11-28T21:00Z", "2026-11-28T02:00Z"),
        ("yesterday 02:10", "2026-11-27T02:10Z", "2026-11-26T07:10Z"),
        ("2026-11-28T02:10", "2026-11-28T02:10Z", "2026-11-28T07:10Z"),
        ("2026-11-28 02:10", "2026-11-28T02:10Z", "2026-11-28T07:10Z"),
        ("2026-11-20", "2026-11-20T00:00Z", "2026-11-20T05:00Z"),
        ("2026-11-28T02:10Z", "2026-11-28T02:10Z", "2026-11-28T02:10Z"),
        ("2026-11-28T02:10+01:00", "2026-11-28T01:10Z", "2026-11-28T01:10Z"),
        ("-2h", "2026-11-28T01:00Z", "2026-11-28T01:00Z"),
        (" - 1h30m ", "2026-11-28T01:30Z", "2026-11-28T01:30Z"),
        ("90s ago", "2026-11-28T02:58:30Z", "2026-11-28T02:58:30Z"),
    ],
)
def test_a_moment_is_read_by_the_clock_of_this_machine(zone: str, text: str, utc: str, new_york: str) -> None:
    assert moment(text) == datetime.fromisoformat(utc if zone == "UTC" else new_york)


def test_yesterday_is_the_same_time_of_day_where_clocks_were_put_forward(zone: str) -> None:
    after = datetime(2026, 3, 8, 20, 0, tzinfo=UTC)
    expected = "2026-03-07T12:00Z" if zone == "UTC" else "2026-03-07T17:00Z"
    assert moment("yesterday 12:00", after) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tea time",
        "25:00",
        "12:60",
        "-",
        "-2",
        "-200000w",
        "-3000w",
        "1969-12-31",
        "9999-12-31T23:59-23:59",
        "0001-01-01",
        "2026-13-01",
        "x" * 1_000,
        "\x1b[31m",
        "tomorrow 02:10",
    ],
)
def test_anything_else_is_refused(zone: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        moment(text)
    assert refused.value.code == "moment.invalid"
    assert "\x1b" not in refused.value.message
