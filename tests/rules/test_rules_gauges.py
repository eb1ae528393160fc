"""What gauges have left, hold, give back, and when they open."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.lanes import Head, Need, Room
from core.model.limits.backends import retries_of
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Backend, Limit, LimitKind, Per, Window
from core.model.limits.rates import parse_rate
from core.rules import gauges
from core.rules.lanes import choose

DAY = 24 * 3_600_000
NOW = 1_750_000_000_000


def rate(*, step_ms: int, burst: int = 1) -> Gauge:
    limit = Limit(name="r", kind=LimitKind.RATE, max=burst, step_us=step_ms * 1_000)
    return Gauge(id=1, limit=limit)


def budget(most: int = 100, **more: object) -> Gauge:
    limit = Limit(
        name="b",
        kind=LimitKind.BUDGET,
        unit="usd",
        max=most,
        window=Window(per=Per.DAY),
        **more,  # type: ignore[arg-type]
    )
    gauge = Gauge(id=1, limit=limit)
    gauges.begin(gauge, wall=NOW)
    return gauge


def test_a_budget_that_is_raised_for_its_window_has_that_until_the_window_turns() -> None:
    gauge = budget(10, window_max=30, window_turns=budget(10).turns_at)
    gauge.used = 15
    assert (gauges.left(gauge, now=NOW), gauges.available(gauge, held=2)) == (15, 17)
    assert (gauges.is_spent(gauge, 15), gauges.is_spent(gauge, 16)) == (False, True)
    assert (gauge.cap, gauge.most) == (30, 30)
    assert gauges.turn_if_due(gauge, wall=NOW + DAY)
    assert (gauge.cap, gauge.most, gauges.available(gauge, held=0)) == (10, 10, 10)


def test_a_rate_lets_its_burst_start_and_then_one_a_step() -> None:
    gauge = rate(step_ms=100, burst=3)
    assert gauges.left(gauge, now=NOW) == 3
    gauges.take(gauge, 3, now=NOW)
    assert gauges.left(gauge, now=NOW) == 0
    assert gauges.opens_at(gauge, now=NOW, offset=0) == NOW + 100
    assert [gauges.left(gauge, now=NOW + ms) for ms in (99, 100, 199, 200, 10_000)] == [0, 1, 1, 2, 3]


def times_of(gauge: Gauge, lateness: Iterable[int]) -> list[int]:
    """Return when starts came whose alarms were as late as this."""
    times = [NOW]
    for late in lateness:
        gauges.take(gauge, 1, now=times[-1])
        due = gauges.opens_at(gauge, now=times[-1], offset=0)
        assert due is not None
        times.append(due + late)
        assert gauges.left(gauge, now=times[-1]) == 1
    return times


@given(lateness=st.lists(st.integers(0, 9), min_size=50, max_size=50))
def test_late_alarms_of_a_quick_rate_lose_no_token(lateness: list[int]) -> None:
    times = times_of(rate(step_ms=10), lateness)
    assert times[-1] - NOW <= 10 * len(lateness) + 10


@given(
    step_ms=st.sampled_from([gauges.SLOW_US // 1_000, 200, 1_000]),
    lateness=st.lists(st.integers(0, 300), min_size=10, max_size=30),
)
def test_late_alarms_of_a_slow_rate_bring_no_two_starts_nearer(step_ms: int, lateness: list[int]) -> None:
    times = times_of(rate(step_ms=step_ms), lateness)
    assert all(after - before >= step_ms for before, after in pairwise(times))


@given(
    number=st.sampled_from([1, 5, 50, 100]),
    lateness=st.lists(st.integers(0, 9), min_size=110, max_size=110),
    ways=st.lists(st.integers(0, 8), min_size=111, max_size=111),
)
@settings(max_examples=30)
def test_starts_that_are_late_on_their_way_are_not_too_many_in_any_second(
    number: int, lateness: list[int], ways: list[int]
) -> None:
    limit = Limit(name="r", kind=LimitKind.RATE, max=1, step_us=parse_rate(f"{number}/s").step_us)
    step_ms = limit.step_us // 1_000
    starts = times_of(Gauge(id=1, limit=limit), (late % max(1, step_ms) for late in lateness))
    come = sorted(start + way for start, way in zip(starts, ways, strict=True))
    assert all(last - first >= 1_000 for first, last in zip(come, come[number:], strict=False))


@given(starts=st.lists(st.integers(0, 400), min_size=1, max_size=60), burst=st.integers(1, 5))
def test_no_stretch_of_time_has_more_starts_than_the_burst_and_one_a_step(
    starts: list[int], burst: int
) -> None:
    gauge, now, taken = rate(step_ms=100, burst=burst), NOW, list[int]()
    for pause in starts:
        now += pause
        number = max(0, gauges.left(gauge, now=now))
        gauges.take(gauge, number, now=now)
        taken += [now] * number
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + 1 + (taken[last] - taken[first]) / 100


def test_what_is_reserved_spent_and_unknown_leaves_so_much_less() -> None:
    gauge = budget(100)
    gauges.take(gauge, 60, now=NOW)
    assert gauges.left(gauge, now=NOW) == 40
    gauges.settle(gauge, 30, 50, counted_at=NOW)
    gauges.lose(gauge, 30, 30, counted_at=NOW)
    assert (gauge.used, gauge.reserved, gauge.unknown, gauges.left(gauge, now=NOW)) == (50, 0, 30, 20)


def test_more_than_was_reserved_is_booked_in_full_and_the_gauge_is_over() -> None:
    gauge = budget(100)
    gauges.take(gauge, 60, now=NOW)
    gauges.settle(gauge, 60, 150, counted_at=NOW)
    assert gauges.left(gauge, now=NOW) == -50


def test_a_window_that_turned_gives_back_and_what_was_held_before_counts_in_the_old_one() -> None:
    gauge = budget(100)
    gauges.take(gauge, 60, now=NOW)
    assert gauge.turns_at is not None
    assert not gauges.turn_if_due(gauge, wall=gauge.turns_at - 1)
    later = gauge.turns_at
    assert gauges.turn_if_due(gauge, wall=later)
    assert gauges.left(gauge, now=later) == 100
    gauges.settle(gauge, 60, 60, counted_at=NOW)
    assert (gauge.used, gauge.reserved) == (0, 0)


def test_a_frozen_or_shut_gauge_has_nothing_left() -> None:
    gauge = budget(100)
    gauge.shut_until = NOW + 5
    assert gauges.left(gauge, now=NOW + 4) == 0
    assert gauges.opens_at(gauge, now=NOW, offset=0) == NOW + 5
    assert gauges.left(gauge, now=NOW + 5) == 100
    gauge.is_frozen = True
    assert gauges.left(gauge, now=NOW + 5) == 0
    assert gauges.opens_at(gauge, now=NOW + 5, offset=0) is None


@pytest.mark.parametrize(
    ("kind", "unit", "after"),
    [
        (LimitKind.CONCURRENCY, "", (0, 0)),
        (LimitKind.QUOTA, "", (0, 0)),
        (LimitKind.QUOTA, "tokens", (0, 0)),
        (LimitKind.BUDGET, "usd", (0, 0)),
    ],
)
def test_an_attempt_that_never_began_gives_back_what_it_took(
    kind: LimitKind, unit: str, after: tuple[int, int]
) -> None:
    gauge = Gauge(id=1, limit=Limit(name="x", kind=kind, unit=unit, max=9))
    gauges.take(gauge, 3, now=NOW)
    gauges.give_back(gauge, 3, counted_at=NOW)
    assert (gauge.used, gauge.reserved) == after


def test_a_rate_gets_its_tokens_back() -> None:
    gauge = rate(step_ms=100, burst=2)
    gauges.take(gauge, 2, now=NOW)
    gauges.give_back(gauge, 2, counted_at=NOW)
    assert gauges.left(gauge, now=NOW) == 2


def head(number: int, *, lane: int, queue: str = "q") -> Head:
    return Head(lane_id=lane, task_id=number, job_id=1, queue=queue, sort_key=number, vtime=0)


def test_a_head_that_does_not_fit_takes_nothing_of_any_gauge() -> None:
    lefts = {1: 1, 2: 0, 3: 5}
    room = Room(
        free={"p": 5},
        pools_of=lambda _: ("p",),
        needs=lambda one, _: (Need(1, 1), Need(2, 1)) if one.task_id == 1 else (Need(1, 1), Need(3, 2)),
        left=lefts.__getitem__,
    )
    picks = choose([head(1, lane=1), head(2, lane=2)], 5, now=0, aging_step=10, room=room)
    assert (picks.task_ids, picks.pools, dict(picks.dear)) == ((2,), ("p",), {1: Need(2, 1)})


def test_what_is_free_of_charge_waits_too_where_nothing_is_left() -> None:
    room = Room(free={"p": 5}, pools_of=lambda _: ("p",), needs=lambda *_: (Need(1, 0),), left=lambda _: 0)
    assert choose([head(1, lane=1)], 5, now=0, aging_step=10, room=room).task_ids == ()


def test_the_next_pool_takes_what_the_first_has_no_slot_for() -> None:
    room = Room(free={"a": 1, "b": 1}, pools_of=lambda _: ("a", "b"), needs=lambda *_: (), left=lambda _: 1)
    picks = choose([head(n, lane=n) for n in (1, 2, 3)], 5, now=0, aging_step=10, room=room)
    assert (picks.task_ids, picks.pools) == ((1, 2), ("a", "b"))


def retries(share: float, *, starts: int = 0, retried: int = 0) -> Gauge:
    backend = Backend(name="api", match={}, retry_share=share)
    gauge = Gauge(id=1, limit=retries_of(backend))
    gauges.begin(gauge, wall=NOW)
    gauges.count_starts(gauge, starts, retried, counted_at=NOW)
    # The last retry was just now.
    gauges.take(gauge, 1, now=NOW)
    return gauge


@pytest.mark.parametrize(
    ("share", "starts", "retried", "left"),
    [(0.2, 8, 0, 2), (0.2, 7, 0, 1), (0.2, 3, 0, 0), (0.2, 10, 2, 0), (0.5, 10, 5, 0), (0, 1_000, 0, 0)],
)
def test_so_many_retries_may_start_that_they_are_a_share_of_the_starts(
    share: float, starts: int, retried: int, left: int
) -> None:
    assert gauges.left(retries(share, starts=starts, retried=retried), now=NOW) == left


@given(share=st.floats(0, 0.99), starts=st.integers(0, 500), retried=st.integers(0, 500))
def test_no_retry_more_than_the_share_is_let_through_and_none_less(
    share: float, starts: int, retried: int
) -> None:
    gauge = retries(share, starts=starts + retried, retried=retried)
    left = gauges.left(gauge, now=NOW)
    assert left == 0 or retried + left <= share * (starts + retried + left) + 1e-6
    assert retried + left + 1 > share * (starts + retried + left + 1) - 1e-6


def test_all_retries_may_start_where_their_share_is_all() -> None:
    assert gauges.left(retries(1, starts=1, retried=1), now=NOW) > 1_000


def test_one_retry_may_start_ten_seconds_after_the_last() -> None:
    gauge = retries(0.2)
    assert gauges.opens_at(gauge, now=NOW, offset=0) == NOW + 10_000
    assert [gauges.left(gauge, now=NOW + ms) for ms in (9_999, 10_000)] == [0, 1]


def test_starts_count_for_five_minutes() -> None:
    gauge = retries(0.2, starts=8)
    for at, left in ((NOW + 289_000, 2), (NOW + 300_000, 0)):
        gauges.turn_if_due(gauge, wall=at)
        assert gauges.left(gauge, now=NOW) == left


def test_what_never_began_is_not_counted_and_what_is_too_old_changes_nothing() -> None:
    gauge = retries(0.2, starts=8, retried=2)
    gauges.count_starts(gauge, -1, -1, counted_at=NOW)
    gauges.count_starts(gauge, -1, -1, counted_at=NOW - 300_000)
    assert (gauge.starts, gauge.used) == (7, 1)
    gauges.count_starts(gauge, -7, -1, counted_at=NOW)
    assert gauge.recent == ()


def test_a_clock_that_was_set_back_begins_no_earlier_step() -> None:
    gauge = retries(0.2, starts=8)
    began = gauge.began
    assert not gauges.turn_if_due(gauge, wall=NOW - 3_600_000)
    assert (gauge.began, gauge.starts) == (began, 8)
