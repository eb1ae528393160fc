"""What fires when an engine wakes, and what passed meanwhile."""

from __future__ import annotations

from collections import Counter

import pytest

from core.model.timing.schedules import CatchUp, FirePolicy, NextFire, Schedule, Timing
from core.rules.fires import FirePlan, jitter, next_fire, plan_fires
from core.timetables.timetable import timetable_of
from tests.support.virtual_years import (
    Case,
    Disturbance,
    Listing,
    Tally,
    VirtualEngine,
    cases,
    is_fine,
    run_weeks,
    run_years,
)

SECOND, MINUTE, HOUR, DAY, YEAR = 1_000, 60_000, 3_600_000, 86_400_000, 366 * 86_400_000
START = 1_772_323_200_000
"""1 March 2026, 00:00 UTC."""


class CountedTimetable:
    """A timetable that counts what it is asked."""

    def __init__(self, timing):
        self.table = timetable_of(timing)
        self.questions = 0

    def next_after(self, at):
        self.questions += 1
        return self.table.next_after(at)

    def last_before(self, at, *, not_before):
        self.questions += 1
        return self.table.last_before(at, not_before=not_before)

    def between(self, begin, end, limit):
        for found in self.table.between(begin, end, limit):
            self.questions += 1
            yield found


def hourly(**policy: object) -> Schedule:
    return Schedule(name="hourly", timing=Timing(every_ms=HOUR), policy=FirePolicy(**policy))


def plan(schedule: Schedule, *, handled: int, now: int) -> FirePlan:
    return plan_fires(schedule, timetable_of(schedule.timing), handled=handled, now=now)


def told(made: FirePlan) -> tuple[list[float], list[tuple[int, str]], float | None]:
    """Return the hours that fire, the numbers and reasons of what passed, and the next hour."""
    following = None if made.next is None else (made.next.at - START) / HOUR
    return (
        [(at - START) / HOUR for at in made.due],
        [(part.number, part.reason) for part in made.passed],
        following,
    )


WINDOW, NONE, LATER = "it was later than the window", "catch_up is none", "a later time fires"


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_time_that_has_come_fires_whatever_the_policy(catch_up):
    schedule = hourly(catch_up=catch_up, window_ms=0, most=1)
    for late in (0, 1, MINUTE):
        made = plan(schedule, handled=START, now=START + HOUR + late)
        assert told(made) == ([1], [], 2)
        assert made.handled == START + HOUR
        assert plan(schedule, handled=made.handled, now=START + HOUR + late).due == ()


def test_before_its_time_nothing_fires():
    made = plan(hourly(), handled=START, now=START + HOUR - 1)
    assert (told(made), made.handled) == (([], [], 1), START)


@pytest.mark.parametrize(
    ("policy", "fires", "passed"),
    [
        ({"catch_up": CatchUp.NONE}, [], [(30, NONE)]),
        ({"catch_up": CatchUp.LATEST}, [30], [(6, WINDOW), (23, LATER)]),
        ({"catch_up": CatchUp.LATEST, "window_ms": 0}, [], [(30, WINDOW)]),
        ({"catch_up": CatchUp.LATEST, "window_ms": 90 * DAY}, [30], [(29, LATER)]),
        ({"catch_up": CatchUp.ALL}, [*range(7, 31)], [(6, WINDOW)]),
        ({"catch_up": CatchUp.ALL, "most": 3}, [28, 29, 30], [(6, WINDOW), (21, "more than 3 at once")]),
        ({"catch_up": CatchUp.ALL, "window_ms": 90 * DAY}, [*range(1, 31)], []),
    ],
)
def test_what_passed_while_no_engine_ran_is_caught_up_on_or_missed(policy, fires, passed):
    made = plan(hourly(**policy), handled=START, now=START + 30 * HOUR + 30 * MINUTE)
    assert told(made) == (fires, passed, 31)
    assert made.handled == START + 30 * HOUR


def test_what_passed_is_told_with_its_first_and_last_time():
    made = plan(hourly(), handled=START, now=START + 30 * HOUR)
    assert [((part.first - START) / HOUR, (part.last - START) / HOUR) for part in made.passed] == [
        (1, 5),
        (6, 29),
    ]


@pytest.mark.parametrize(("hours", "number"), [(10_001, 10_000), (10_002, 10_001), (50_000, 10_001)])
def test_what_passed_is_counted_to_ten_thousand_and_then_called_more(hours, number):
    made = plan(hourly(window_ms=0), handled=START, now=START + hours * HOUR)
    assert [part.number for part in made.passed] == [number]
    assert made.passed[0].last == START + (hours - 1) * HOUR


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_clock_put_forward_by_a_century_costs_bounded_work(catch_up):
    timing = Timing(cron="*/10 * * * * *")
    policy = FirePolicy(catch_up=catch_up, window_ms=40 * YEAR, most=50)
    table = CountedTimetable(timing)
    made = plan_fires(
        Schedule(name="often", timing=timing, policy=policy), table, handled=START, now=START + 100 * YEAR
    )
    assert made.handled == START + 100 * YEAR
    assert table.questions < 21_000


def test_a_clock_put_back_never_fires_what_was_handled():
    schedule = hourly(catch_up=CatchUp.ALL)
    for back in (SECOND, 3 * HOUR, DAY):
        made = plan(schedule, handled=START, now=START - back)
        assert (told(made), made.handled) == (([], [], 1), START)


def test_a_clock_put_back_by_years_goes_on_from_there():
    made = plan(hourly(), handled=START + 10 * YEAR, now=START)
    assert (told(made), made.handled) == (([], [], 1), START)


def test_jitter_is_the_same_whenever_it_is_worked_out_and_spread_evenly():
    amounts = [
        jitter(f"schedule-{name}", START + hour * HOUR, 1_000) for name in range(20) for hour in range(500)
    ]
    assert amounts[:3] == [jitter("schedule-0", START + hour * HOUR, 1_000) for hour in range(3)]
    assert len(set(amounts)) > 990
    tenths = Counter(amount // 100 for amount in amounts)
    assert sorted(tenths) == [*range(10)]
    # Of 10,000 draws each tenth has 1,000; five standard deviations are 150.
    assert all(abs(number - 1_000) < 150 for number in tenths.values())
    assert jitter("schedule", START, 0) == 0


def test_no_jitter_makes_a_time_overtake_the_next():
    schedule = hourly(jitter_ms=10 * DAY)
    table = timetable_of(schedule.timing)
    following = next_fire(schedule, table, START)
    for _ in range(50):
        later = next_fire(schedule, table, following.at)
        assert following.at <= following.wake_at < later.at
        following = later


def test_a_time_that_is_put_off_fires_when_it_is_due_with_those_before_it_decided():
    schedule = hourly(jitter_ms=HOUR, catch_up=CatchUp.ALL)
    due = next_fire(schedule, timetable_of(schedule.timing), START + 2 * HOUR)
    assert due == NextFire(at=START + 3 * HOUR, wake_at=due.wake_at)
    assert due.wake_at > due.at
    early = plan(schedule, handled=START, now=due.wake_at - 1)
    assert (told(early), early.handled) == (([1, 2], [], 3), START + 2 * HOUR)
    assert early.next == due
    assert told(plan(schedule, handled=early.handled, now=due.wake_at)) == ([3], [], 4)


def test_lateness_is_counted_from_when_a_time_was_due():
    schedule = hourly(jitter_ms=HOUR, window_ms=2 * HOUR, catch_up=CatchUp.ALL)
    due = next_fire(schedule, timetable_of(schedule.timing), START)
    edge = due.wake_at + 2 * HOUR
    assert plan(schedule, handled=START, now=edge).due[0] == START + HOUR
    late = plan(schedule, handled=START, now=edge + 1)
    assert late.due[0] == START + 2 * HOUR
    assert [(part.number, part.reason) for part in late.passed] == [(1, WINDOW)]
    latest = hourly(jitter_ms=HOUR, window_ms=2 * HOUR)
    assert {part.reason for part in plan(latest, handled=START, now=edge).passed} == {LATER}
    assert plan(latest, handled=START, now=edge + 1).passed[0].reason == WINDOW


def test_a_schedule_without_a_further_time_has_no_next():
    schedule = Schedule(name="once", timing=Timing(at=START))
    made = plan(schedule, handled=0, now=START)
    assert (made.due, made.next) == ((START,), None)
    assert plan(schedule, handled=START, now=START + DAY) == FirePlan(handled=START)


SHORT = [case for case in cases(40, 1) if not is_fine(case)][:10]
FINE = [case for case in cases(40, 1) if is_fine(case)][:3]
YEARLY = [case for case in SHORT if case.schedule.timing.at is None][:4]
AUTUMN = 1_792_890_000_000
"""25 October 2026, 01:00 UTC: clocks are put back in Europe."""


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.schedule.name)
def test_over_months_of_downtimes_and_steps_each_fire_is_decided_once(case: Case, monkeypatch):
    monkeypatch.setattr("tests.support.virtual_years.YEAR", 80 * DAY)
    tally = run_years(case, start=START, years=3, seed=7)
    assert not tally.faults
    assert tally.wakes > 10


@pytest.mark.parametrize("step", [YEAR, -YEAR], ids=["ahead", "back"])
@pytest.mark.parametrize("case", YEARLY, ids=lambda case: case.schedule.name)
def test_over_a_year_by_a_clock_that_is_a_year_off_each_fire_is_decided_once(case: Case, step: int):
    """The clock is put by a year, runs for a year, and is put right while no engine runs."""
    listing = Listing(case, [(START - 2 * YEAR, START + 4 * YEAR)])
    put, right = Disturbance(at=40 * DAY, step=step), Disturbance(at=40 * DAY + YEAR, down=HOUR, step=-step)
    tally = VirtualEngine(case, listing, start=START).run(2 * YEAR, (put, right))
    assert not tally.faults
    # Those of the year that was there twice fired once; the others fired or passed.
    assert tally.refused_again > 0
    assert tally.fired + tally.passed >= len(listing.between(START, START + 2 * YEAR)) - 1


@pytest.mark.parametrize("case", FINE, ids=lambda case: case.schedule.name)
def test_in_the_week_of_a_change_of_the_clock_each_fire_is_decided_once(case: Case, monkeypatch):
    monkeypatch.setattr("tests.support.virtual_years.DAY", DAY // 8)
    tally: Tally = run_weeks(case, change=AUTUMN, seed=3)
    assert not tally.faults
    assert tally.wakes > 10


def test_times_that_were_skipped_ahead_are_neither_missed_nor_next() -> None:
    schedule = hourly()
    made = plan_fires(
        schedule,
        timetable_of(schedule.timing),
        handled=START,
        now=START + 3 * HOUR,
        decided={START + HOUR, START + 4 * HOUR},
    )
    assert told(made) == ([3], [(1, "a later time fires")], 5)
