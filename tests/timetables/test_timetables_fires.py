"""When schedules fire, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.model.timing.schedules import Timing
from core.timetables.timetable import LAST_MS, timetable_of
from tests.support.fire_oracle import cron_fires

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1_000)


def shown(at: int, zone: str = "UTC") -> str:
    """Return month-day, time and the offset in hours."""
    local = datetime.fromtimestamp(at / 1_000, ZoneInfo(zone))
    return f"{local:%m-%d %H:%M}{local.utcoffset().total_seconds() / 3600:+g}"


def fires(begin: str, number: int, **timing: object) -> list[str]:
    """Return the next fires after a time of the zone's clock."""
    zone = str(timing.get("zone", "UTC"))
    table, at, found = timetable_of(Timing(**timing)), ms(begin, zone), []
    while len(found) < number and (at := table.next_after(at)) is not None:
        found.append(shown(at, zone))
    return found


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("*/20 * * * *", ["01-01 00:20+0", "01-01 00:40+0", "01-01 01:00+0"]),
        ("30 4 1,15 * 5", ["01-01 04:30+0", "01-02 04:30+0", "01-09 04:30+0", "01-15 04:30+0"]),
        ("0 0 */2 * 1", ["01-05 00:00+0", "01-19 00:00+0", "02-09 00:00+0"]),
        ("0 12 * * 7", ["01-04 12:00+0", "01-11 12:00+0"]),
        ("0 12 * jan-feb/1 Sun", ["01-04 12:00+0", "01-11 12:00+0"]),
        ("15 30 9 * * mon-fri", ["01-01 09:30+0", "01-02 09:30+0", "01-05 09:30+0"]),
        ("0 0 L * *", ["01-31 00:00+0", "02-28 00:00+0", "03-31 00:00+0"]),
        ("0 0 LW * *", ["01-30 00:00+0", "02-27 00:00+0", "03-31 00:00+0"]),
        ("0 0 * * 1#2", ["01-12 00:00+0", "02-09 00:00+0"]),
        ("0 0 * * 5L", ["01-30 00:00+0", "02-27 00:00+0"]),
        ("@hourly", ["01-01 01:00+0", "01-01 02:00+0"]),
        ("@daily", ["01-02 00:00+0", "01-03 00:00+0"]),
        ("@Midnight", ["01-02 00:00+0", "01-03 00:00+0"]),
        ("@weekly", ["01-04 00:00+0", "01-11 00:00+0"]),
        ("@monthly", ["02-01 00:00+0", "03-01 00:00+0"]),
        ("@yearly", ["01-01 00:00+0"]),
        ("@annually", ["01-01 00:00+0"]),
    ],
)
def test_cron_fires_as_vixies_does(cron, expected):
    assert fires("2026-01-01T00:00", len(expected), cron=cron) == expected


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("last working day at 18:00", ["01-30 18:00+0", "02-27 18:00+0", "03-31 18:00+0", "04-30 18:00+0"]),
        ("2nd Monday at 06:30", ["01-12 06:30+0", "02-09 06:30+0"]),
        ("the second monday of the month at 6:30", ["01-12 06:30+0", "02-09 06:30+0"]),
        ("last friday", ["01-30 00:00+0", "02-27 00:00+0"]),
        ("5th friday", ["01-30 00:00+0", "05-29 00:00+0"]),
        ("day 15 at 9:00", ["01-15 09:00+0", "02-15 09:00+0"]),
        ("day 31", ["01-31 00:00+0", "03-31 00:00+0"]),
        ("last day", ["01-31 00:00+0", "02-28 00:00+0"]),
        ("first day at 1:02:03", ["01-01 01:02+0", "02-01 01:02+0"]),
        ("every weekday at 7:00", ["01-01 07:00+0", "01-02 07:00+0", "01-05 07:00+0"]),
        ("every sunday  at 23:59", ["01-04 23:59+0", "01-11 23:59+0"]),
        ("every day", ["01-02 00:00+0", "01-03 00:00+0"]),
    ],
)
def test_calendar_phrases_name_days_and_a_time(calendar, expected):
    assert fires("2026-01-01T00:00", len(expected), calendar=calendar) == expected


BERLIN, LORD_HOWE, HAVANA = "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"


@pytest.mark.parametrize(
    ("cron", "zone", "begin", "expected"),
    [
        # Put forward from 2:00 to 3:00 on 29 March 2026.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["03-29 03:00+2", "03-30 02:30+2"]),
        ("0 30 2 * * *", BERLIN, "2026-03-28T12:00", ["03-29 03:00+2", "03-30 02:30+2"]),
        ("0,15,30 2,3 * * *", BERLIN, "2026-03-28T12:00", ["03-29 03:00+2", "03-29 03:15+2"]),
        ("*/30 2 * * *", BERLIN, "2026-03-28T12:00", ["03-29 03:00+2", "03-30 02:00+2"]),
        ("*/40 30 2 * * *", BERLIN, "2026-03-28T12:00", ["03-29 03:00+2", "03-30 02:30+2"]),
        ("*/30 * * * *", BERLIN, "2026-03-29T01:00", ["03-29 01:30+1", "03-29 03:00+2", "03-29 03:30+2"]),
        ("0 * * * *", BERLIN, "2026-03-29T00:30", ["03-29 01:00+1", "03-29 03:00+2"]),
        ("0 */2 * * *", BERLIN, "2026-03-28T23:00", ["03-29 00:00+1", "03-29 03:00+2", "03-29 04:00+2"]),
        # Put back from 3:00 to 2:00 on 25 October 2026.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["10-25 02:30+2", "10-26 02:30+1"]),
        ("0 30 2 * * *", BERLIN, "2026-10-24T12:00", ["10-25 02:30+2", "10-26 02:30+1"]),
        ("0-59/30 2 * * *", BERLIN, "2026-10-24T12:00", ["10-25 02:00+2", "10-25 02:30+2", "10-26 02:00+1"]),
        (
            "*/30 2 * * *",
            BERLIN,
            "2026-10-24T12:00",
            ["10-25 02:00+2", "10-25 02:30+2", "10-25 02:00+1", "10-25 02:30+1", "10-26 02:00+1"],
        ),
        ("0 * * * *", BERLIN, "2026-10-25T01:30", ["10-25 02:00+2", "10-25 02:00+1", "10-25 03:00+1"]),
        ("0 0-23 * * *", BERLIN, "2026-10-25T01:30", ["10-25 02:00+2", "10-25 02:00+1", "10-25 03:00+1"]),
        ("0 */2 * * *", BERLIN, "2026-10-25T00:30", ["10-25 02:00+2", "10-25 04:00+1"]),
        # Half an hour: forward at 2:00 on 4 October, back at 2:00 on 5 April.
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", ["10-04 02:30+11", "10-05 02:15+11"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00", ["04-05 01:45+11", "04-06 01:45+10.5"]),
        ("*/20 1 * * *", LORD_HOWE, "2026-04-05T01:30", ["04-05 01:40+11", "04-05 01:40+10.5"]),
        # Midnight does not exist on 8 March, and comes twice on 1 November.
        ("0 0 * * *", HAVANA, "2026-03-07T12:00", ["03-08 01:00-4", "03-09 00:00-4"]),
        ("0 0 * * *", HAVANA, "2026-10-31T12:00", ["11-01 00:00-4", "11-02 00:00-5"]),
        # 30 December 2011 does not exist.
        ("0 3 30 12 *", "Pacific/Apia", "2011-12-01T00:00", ["12-31 00:00+14", "12-30 03:00+14"]),
        ("0 0 * * *", "Pacific/Apia", "2011-12-28T12:00", ["12-29 00:00-10", "12-31 00:00+14"]),
    ],
)
def test_clocks_that_are_put_forward_and_back_leave_no_fire_out_and_add_none(cron, zone, begin, expected):
    assert fires(begin, len(expected), cron=cron, zone=zone) == expected
    # Backwards the same.
    table, at, found = timetable_of(Timing(cron=cron, zone=zone)), ms(begin, zone), []
    last = at
    for _ in expected:
        last = table.next_after(last)
    while last is not None:
        found.append(shown(last, zone))
        last = table.last_before(last - 1, not_before=at + 1)
    assert found[::-1] == expected


def test_a_step_that_leaves_one_value_is_a_time_of_the_clock():
    once = fires("2026-10-24T12:00", 3, cron="0 2 * * *", zone=BERLIN)
    assert fires("2026-10-24T12:00", 3, cron="*/60 2 * * *", zone=BERLIN) == once


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Beirut",
    "America/Santiago",
    "America/Nuuk",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Asia/Kathmandu",
)
# (expression, what becomes of skipped and repeated times)
EXPRESSIONS = (
    ("30 2 * * *", "once"),
    ("0 0 * * *", "once"),
    ("59 23 * * *", "once"),
    ("0 0-3 * * *", "once"),
    ("5,35 */2 * * *", "once"),
    ("15 30 1 * * *", "once"),
    ("10,50 0,10 0-4 * * *", "once"),
    ("45 1 * * sun", "once"),
    ("0 1 1 * 6", "once"),
    ("*/15 0-3 * * *", "shown or next"),
    ("*/20 2 * * *", "shown or next"),
    ("*/30 15 0-3 * * *", "shown or next"),
    ("*/7 * * * *", "shown"),
    ("30 * * * *", "shown"),
    ("*/20 */10 * * * *", "shown"),
    ("*/10 * 28-31 3,4,10,12 *", "shown"),
)
MOMENTS = st.integers(ms("2009-01-01T00:00"), ms("2030-01-01T00:00"))
# So that some of the examples are close to changes of the clock.
CHANGES = tuple(
    ms(text)
    for text in (
        "2026-03-29T01:00",
        "2026-10-25T01:00",
        "2026-10-03T15:30",
        "2026-04-04T15:00",
        "2026-03-08T05:00",
        "2026-11-01T05:00",
        "2011-12-30T10:00",
        "2019-03-30T22:00",
        "2019-10-26T21:00",
        "2026-03-28T23:00",
        "2026-10-24T23:00",
        "2020-05-31T02:00",
    )
)
NEAR = st.builds(lambda change, by: change + by, st.sampled_from(CHANGES), st.integers(-DAY, DAY))


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T01:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-04-04T15:00"),
        ("America/Havana", "2026-03-08T05:00"),
        ("America/Havana", "2026-11-01T05:00"),
        ("Asia/Beirut", "2019-10-26T21:00"),
        ("Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_around_changes_of_the_clock_fires_are_those_of_another_library(zone, change):
    begin, end = ms(change) - 4 * HOUR, ms(change) + 4 * HOUR
    for cron, rule in EXPRESSIONS:
        table = timetable_of(Timing(cron=cron, zone=zone))
        expected = cron_fires(cron, zone, begin, end, rule=rule)
        assert list(table.between(begin, end, 100_000)) == expected, cron
        for at in range(begin, end, 11 * MINUTE):
            before = [fire for fire in expected if fire <= at]
            after = [fire for fire in expected if fire > at]
            assert table.last_before(at, not_before=begin) == (before[-1] if before else None), (cron, at)
            if after:
                assert table.next_after(at) == after[0], (cron, at)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), st.one_of(MOMENTS, NEAR, NEAR))
@example(("*/20 2 * * *", "shown or next"), "Europe/Berlin", CHANGES[0])
@example(("0 0 * * *", "once"), "Pacific/Apia", CHANGES[6])
@example(("59 23 * * *", "once"), "America/Nuuk", CHANGES[9])
def test_fires_are_those_of_another_library_in_both_directions(expression, zone, begin):
    cron, rule = expression
    end = begin + 2 * DAY
    expected = cron_fires(cron, zone, begin, end, rule=rule)
    table = timetable_of(Timing(cron=cron, zone=zone))
    assert list(table.between(begin, end, 100_000)) == expected
    backwards, at = [], table.last_before(end - 1, not_before=begin)
    while at is not None:
        backwards.append(at)
        at = table.last_before(at - 1, not_before=begin)
    assert backwards[::-1] == expected


TIMINGS = st.one_of(
    st.builds(
        lambda cron, zone: Timing(cron=cron[0], zone=zone),
        st.sampled_from(EXPRESSIONS),
        st.sampled_from(ZONES),
    ),
    st.builds(
        lambda every, anchor: Timing(every_ms=every, anchor=anchor),
        st.integers(1_000, 40 * DAY),
        st.integers(0, ms("2031-01-01T00:00")),
    ),
    st.builds(lambda at: Timing(at=at), MOMENTS),
    st.builds(
        lambda phrase, zone: Timing(calendar=phrase, zone=zone, exclude=("2026-03-29", "2026-10-25")),
        st.sampled_from(["every weekday at 2:30", "last day", "every day", "every sunday at 2:15"]),
        st.sampled_from(ZONES),
    ),
)


@settings(max_examples=150, deadline=None)
@given(TIMINGS, st.one_of(MOMENTS, NEAR))
def test_what_is_found_forwards_is_found_backwards_and_always_advances(timing, at):
    table = timetable_of(timing)
    found = [at]
    while len(found) < 6 and (later := table.next_after(found[-1])) is not None:
        found.append(later)
    assert all(before < after for before, after in pairwise(found))
    for before, after in pairwise(found[1:]):
        assert table.last_before(after, not_before=0) == after
        assert table.last_before(after - 1, not_before=0) == before
        assert table.last_before(after - 1, not_before=before + 1) is None
    if len(found) > 1:
        earlier = table.last_before(at, not_before=0)
        if earlier is not None:
            assert earlier <= at
            assert table.next_after(earlier) == found[1]


@pytest.mark.parametrize("cron", ["*/5 * * * *", "30 2 * * *"])
def test_an_excluded_day_has_no_fire_and_costs_no_look_at_each(cron):
    table = timetable_of(Timing(cron=cron, zone=BERLIN, exclude=("2026-03-29", "2026-03-30")))
    begin, end = ms("2026-03-28T00:00", BERLIN), ms("2026-04-01T00:00", BERLIN)
    days = {shown(at, BERLIN)[:5] for at in table.between(begin, end, 10_000)}
    assert days == {"03-28", "03-31"}
    assert shown(table.last_before(ms("2026-03-30T12:00", BERLIN), not_before=0), BERLIN)[:5] == "03-28"


def test_an_excluded_day_of_seconds_is_left_out_in_one_step(monkeypatch):
    # Each look at a fire asks for its date: they are counted.
    looks = []
    table = timetable_of(Timing(every_ms=1_000, exclude=("2026-03-29",)))
    real = table._excluded_day

    def looked(at):
        looks.append(at)
        return real(at)

    monkeypatch.setattr(table, "_excluded_day", looked)
    assert table.next_after(ms("2026-03-28T23:59:59")) == ms("2026-03-30T00:00")
    assert table.last_before(ms("2026-03-29T23:00"), not_before=0) == ms("2026-03-28T23:59:59")
    assert len(looks) == 4


def test_a_day_that_clocks_show_again_is_excluded_in_both_parts():
    # Put back at midnight, from 00:00 on 27 October 2019 to 23:00 on the 26th.
    table = timetable_of(Timing(cron="*/30 * * * *", zone="Asia/Beirut", exclude=("2019-10-26",)))
    begin, end = ms("2019-10-25T23:30", "Asia/Beirut"), ms("2019-10-27T00:31", "Asia/Beirut")
    assert [shown(at, "Asia/Beirut") for at in table.between(begin, end, 99)] == [
        "10-25 23:30+3",
        "10-27 00:00+2",
        "10-27 00:30+2",
    ]
    assert shown(table.last_before(end - 31 * MINUTE, not_before=0), "Asia/Beirut") == "10-27 00:00+2"


@pytest.mark.timeout(30)
def test_an_excluded_day_that_is_shown_again_after_the_next_has_begun_has_no_fire():
    # Put back at 00:01 on 7 November 2010, to 23:01 on the 6th.
    zone = "America/St_Johns"
    table = timetable_of(Timing(cron="*/30 * * * *", zone=zone, exclude=("2010-11-06",)))
    begin = ms("2010-11-05T23:30", zone)
    found = list(table.between(begin, begin + 26 * HOUR, 99))
    assert [shown(at, zone) for at in found] == ["11-05 23:30-2.5", "11-07 00:00-2.5", "11-07 00:00-3.5"]
    backwards = [table.last_before(at, not_before=0) for at in (found[2], found[2] - 1, found[1] - 1)]
    assert backwards == [found[2], found[1], found[0]]


def test_every_is_elapsed_time_from_its_anchor_through_changes_of_the_clock():
    anchor = ms("2026-03-28T22:00")
    table = timetable_of(Timing(every_ms=90 * MINUTE, anchor=anchor, zone=BERLIN))
    assert table.next_after(0) == anchor
    assert table.last_before(anchor - 1, not_before=0) is None
    found = list(table.between(anchor, anchor + 10 * 90 * MINUTE, 99))
    assert found == [anchor + count * 90 * MINUTE for count in range(10)]


def test_at_fires_once():
    table = timetable_of(Timing(at=5_000))
    assert (table.next_after(4_999), table.next_after(5_000)) == (5_000, None)
    assert (table.last_before(5_000, not_before=0), table.last_before(4_999, not_before=0)) == (5_000, None)


def test_nothing_fires_before_starts_or_from_ends_on():
    table = timetable_of(Timing(every_ms=1_000, starts=5_000, ends=8_000))
    assert list(table.between(0, 99_000, 99)) == [5_000, 6_000, 7_000]
    assert table.next_after(7_000) is None
    assert table.last_before(99_000, not_before=0) == 7_000
    assert table.last_before(4_999, not_before=0) is None
    later = timetable_of(Timing(every_ms=1_000, starts=5_500))
    assert later.last_before(5_900, not_before=0) is None
    assert later.next_after(0) == 6_000


def test_a_clock_far_off_gets_an_answer():
    for timing in (Timing(cron="0 3 * * *", zone=BERLIN), Timing(cron="* * * * *"), Timing(every_ms=1_000)):
        table = timetable_of(timing)
        assert table.next_after(LAST_MS) is None
        assert table.next_after(10**18) is None
        assert table.last_before(10**18, not_before=0) is not None
        assert table.next_after(-(10**18)) == table.next_after(-1)
        assert table.last_before(-1, not_before=-(10**18)) is None
