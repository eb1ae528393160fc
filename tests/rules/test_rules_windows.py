"""Calendar windows, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.model.limits.limits import Per, Window
from core.model.timing.zones import zone_of
from core.rules.windows import turn

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CALENDAR = (Per.DAY, Per.WEEK, Per.MONTH)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
    "America/Santiago",
    "Pacific/Apia",
    "Pacific/Chatham",
)
YEAR = 2026


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def shown(at: int, zone: str = "UTC") -> str:
    return datetime.fromtimestamp(at / 1_000, ZoneInfo(zone)).isoformat(timespec="minutes")


def windows(window: Window, start: int, end: int) -> list[tuple[int, int]]:
    """Return the windows from the one that holds `start`, each asked for at the turn of the one before."""
    found = [turn(window, start)]
    while found[-1][1] < end:
        found.append(turn(window, found[-1][1]))
    return found


@pytest.mark.parametrize("per", [Per.TOTAL, Per.JOB])
def test_what_never_turns_began_at_the_epoch(per):
    assert turn(Window(per=per, zone="Europe/Berlin", starts_ms=HOUR), ms("2026-03-29T00:30+00:00")) == (
        0,
        None,
    )


@pytest.mark.parametrize(
    ("per", "began", "turns"),
    [
        (Per.MINUTE, "2026-11-28T10:41+01:00", "2026-11-28T10:42+01:00"),
        (Per.HOUR, "2026-11-28T10:00+01:00", "2026-11-28T11:00+01:00"),
        (Per.DAY, "2026-11-28T06:00+01:00", "2026-11-29T06:00+01:00"),
        (Per.WEEK, "2026-11-23T06:00+01:00", "2026-11-30T06:00+01:00"),
        (Per.MONTH, "2026-11-01T06:00+01:00", "2026-12-01T06:00+01:00"),
    ],
)
def test_windows_begin_on_the_clock_of_their_zone(per, began, turns):
    window = Window(per=per, zone="Europe/Berlin", starts_ms=6 * HOUR)
    assert turn(window, ms("2026-11-28T10:41:30+01:00")) == (ms(began), ms(turns))


def test_a_moment_before_the_start_of_the_day_is_in_the_window_of_yesterday():
    window = Window(per=Per.DAY, zone="Europe/Berlin", starts_ms=6 * HOUR)
    began, turns = turn(window, ms("2026-11-28T05:59:59.999+01:00"))
    assert (shown(began, "Europe/Berlin"), turns) == ("2026-11-27T06:00+01:00", ms("2026-11-28T06:00+01:00"))
    assert turn(window, turns)[0] == turns


@pytest.mark.parametrize(
    ("zone", "day", "starts", "began", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", "00:00", "2026-03-29T00:00+01:00", 23),
        ("Europe/Berlin", "2026-10-25", "00:00", "2026-10-25T00:00+02:00", 25),
        # 02:30 does not exist: the day begins when the clock shows 03:00.
        ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T03:00+02:00", 23.5),
        # 02:30 comes twice: the day begins with the first.
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T02:30+02:00", 25),
        ("America/New_York", "2026-03-08", "00:00", "2026-03-08T00:00-05:00", 23),
        ("America/New_York", "2026-11-01", "00:00", "2026-11-01T00:00-04:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "00:00", "2026-04-05T00:00+11:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "00:00", "2026-10-04T00:00+10:30", 23.5),
        # Midnight itself does not exist in Havana in March, and comes twice in November.
        ("America/Havana", "2026-03-08", "00:00", "2026-03-08T01:00-04:00", 23),
        ("America/Havana", "2026-11-01", "00:00", "2026-11-01T00:00-04:00", 25),
    ],
)
def test_days_on_which_clocks_change_are_shorter_and_longer(zone, day, starts, began, hours):
    hour, minute = map(int, starts.split(":"))
    window = Window(per=Per.DAY, zone=zone, starts_ms=hour * HOUR + minute * MINUTE)
    assert turn(window, ms(began)) == (ms(began), ms(began) + int(hours * HOUR))
    assert turn(window, ms(began) - 1)[1] == ms(began)
    assert day in shown(ms(began), zone)


def test_a_day_that_a_zone_leaves_out_has_no_window():
    # Samoa went from the 29th to the 31st of December 2011.
    window = Window(per=Per.DAY, zone="Pacific/Apia")
    began, turns = turn(window, ms("2011-12-29T12:00-10:00"))
    assert (began, turns) == (ms("2011-12-29T00:00-10:00"), ms("2011-12-31T00:00+14:00"))
    assert turn(window, turns) == (turns, turns + DAY)


def test_an_hour_that_comes_twice_is_two_windows():
    window = Window(per=Per.HOUR, zone="Europe/Berlin")
    hours = windows(window, ms("2026-10-24T22:00+00:00"), ms("2026-10-25T23:00+00:00"))
    assert [turns - began for began, turns in hours] == [HOUR] * 25


def test_hours_of_a_half_hour_zone_begin_on_its_clock():
    began, turns = turn(Window(per=Per.HOUR, zone="Asia/Kolkata"), ms("2026-11-28T10:41+00:00"))
    assert (shown(began), shown(turns)) == ("2026-11-28T10:30+00:00", "2026-11-28T11:30+00:00")


@pytest.mark.parametrize(
    ("change", "lengths"),
    [("2026-04-04T15:00+00:00", [60, 60, 30, 60]), ("2026-10-03T15:30+00:00", [60, 60, 30, 60])],
)
def test_hours_are_aligned_again_where_a_change_is_half_an_hour(change, lengths):
    window = Window(per=Per.HOUR, zone="Australia/Lord_Howe")
    hours = windows(window, ms(change) - 2 * HOUR, ms(change) + HOUR)
    assert [(turns - began) // MINUTE for began, turns in hours][:4] == lengths
    assert ms(change) in {began for began, _ in hours}


@pytest.mark.parametrize("starts_ms", [0, 6 * HOUR, 2 * HOUR + 30 * MINUTE, 23 * HOUR + 59 * MINUTE])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_in_a_year_each_window_turns_once_and_at_the_right_moment(zone, starts_ms):
    start, end = ms(f"{YEAR}-01-01T00:00+00:00"), ms(f"{YEAR + 1}-01-01T00:00+00:00")
    days = windows(Window(per=Per.DAY, zone=zone, starts_ms=starts_ms), start, end)
    first = datetime.fromtimestamp(days[0][0] / 1_000, ZoneInfo(zone)).date()
    assert len(days) in (366, 367)
    for index, (began, _) in enumerate(days):
        assert began == first_showing(
            zone, datetime.combine(first + timedelta(days=index), time()), starts_ms
        )
    begins = {began for began, _ in days}
    for per, number in ((Per.WEEK, 53), (Per.MONTH, 13)):
        found = windows(Window(per=per, zone=zone, starts_ms=starts_ms), start, end)
        assert len(found) in (number, number + 1)
        assert {began for began, _ in found[1:]} <= begins
    hours = windows(Window(per=Per.HOUR, zone=zone, starts_ms=starts_ms), start, end)
    assert all(turns == began for (_, turns), (began, _) in pairwise(hours))
    cut = {began for began, turns in hours if turns - began != HOUR}
    # Each of both changes by half an hour cuts one hour, or two where it falls into one.
    assert len(cut) == (0 if zone != "Australia/Lord_Howe" else 4 if starts_ms % HOUR % (30 * MINUTE) else 2)


def first_showing(zone: str, midnight: datetime, starts_ms: int) -> int:
    """Return the first whole minute at which the clock shows a time or a later one, by trying each."""
    wanted = midnight + timedelta(milliseconds=starts_ms)
    moment = datetime.combine(wanted, wanted.time(), UTC) - timedelta(hours=15)
    clock = ZoneInfo(zone)
    while (gap := wanted - moment.astimezone(clock).replace(tzinfo=None)) > timedelta():
        # No clock here changes by more than an hour.
        moment += gap - timedelta(hours=1) if gap > timedelta(hours=2) else timedelta(minutes=1)
    return round(moment.timestamp() * 1_000)


@settings(max_examples=400)
@given(
    at=st.integers(0, ms("2200-01-01T00:00+00:00")),
    per=st.sampled_from([Per.MINUTE, Per.HOUR, *CALENDAR]),
    zone=st.sampled_from(ZONES),
    starts_ms=st.integers(0, DAY - 1),
)
@example(at=ms("2026-11-01T04:30+00:00"), per=Per.DAY, zone="America/Havana", starts_ms=0)
@example(at=ms("2011-12-30T09:59+00:00"), per=Per.DAY, zone="Pacific/Apia", starts_ms=6 * HOUR)
@example(at=0, per=Per.MONTH, zone="Pacific/Apia", starts_ms=DAY - 1)
def test_windows_tile_time(at, per, zone, starts_ms):
    window = Window(per=per, zone=zone, starts_ms=starts_ms)
    began, turns = turn(window, at)
    assert began <= at < turns
    assert turn(window, began) == turn(window, turns - 1) == (began, turns)
    assert turn(window, turns)[0] == turns
    assert turn(window, began - 1)[1] == began


@pytest.mark.parametrize(
    "name", ["Europe/Berlim", "", "Europe", "/etc/passwd", "../../etc/passwd", "a\0b", "\ud800", "x" * 5_000]
)
def test_an_unknown_zone_is_refused_by_name(name):
    with pytest.raises(Invalid) as refusal:
        zone_of(name)
    assert refusal.value.code == "zone.unknown"
    assert len(refusal.value.message) < 200


@pytest.mark.parametrize("name", ["Europe/Berlim", "europe/berlin", "Berlin", "berlin"])
def test_an_unknown_zone_is_told_with_the_closest(name):
    with pytest.raises(Invalid, match="did you mean `Europe/Berlin`"):
        zone_of(name)
