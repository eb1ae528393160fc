"""Tests of claims in virtual time."""

from __future__ import annotations

from random import Random

import pytest

from core.model.lanes import Head
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Limit, LimitKind, Per, Window
from core.rules.simulation import Running, Scene, simulate

HOUR = 3_600_000


def head(
    task_id: int, lane: int = 1, *, queue: str = "q", key: int = 0, gset: int = 0, usd: int = -1
) -> Head:
    return Head(
        lane_id=lane,
        task_id=task_id,
        job_id=lane,
        queue=queue,
        sort_key=key,
        vtime=0,
        gset_id=gset,
        cost=None if usd < 0 else f'{{"usd":{usd}}}',
    )


def starts(*lanes: list[Head], took: dict[int, int] | int = 1_000, **more: object) -> list[tuple[int, int]]:
    usual = {
        "slots": {"p": 1},
        "total": 9,
        "pools_of": lambda _: ("p",),
        "gauges_of": lambda one, _: (one.gset_id,) if one.gset_id else (),
        "usual_ms": (lambda _: took) if isinstance(took, int) else took.get,
        "now": 0,
        "aging_step": 10_000,
    }
    return [(start.task_id, start.at) for start in simulate(Scene(lanes=lanes, **{**usual, **more}))]


def gauge(kind: LimitKind, most: int, **more: object) -> Gauge:
    of_limit = {name: more.pop(name) for name in ("unit", "step_us", "window") if name in more}
    return Gauge(id=1, limit=Limit(name="g", kind=kind, max=most, **of_limit), **more)


def test_each_slot_takes_the_next_of_the_order_when_it_becomes_free() -> None:
    lanes = [[head(1), head(2), head(3)], [head(11, 2), head(12, 2)]]
    assert starts(*lanes, slots={"p": 2}) == [(1, 0), (11, 0), (2, 1_000), (12, 1_000), (3, 2_000)]


def test_what_runs_holds_its_slot_until_it_ends() -> None:
    running = [Running(ends_at=400, pool="p"), Running(ends_at=900, pool="p")]
    assert starts([head(1), head(2)], slots={"p": 2}, running=running) == [(1, 400), (2, 900)]


def test_a_queue_uses_the_slots_of_its_pools_alone() -> None:
    pools = {"x": ("p",), "y": ("r",), "z": ("p", "r")}
    lanes = [[head(n, n, queue=queue)] for n, queue in enumerate("xxyyz", start=1)]
    told = starts(
        *lanes,
        slots={"p": 1, "r": 1},
        pools_of=lambda one: pools[one.queue],
        took={1: 10, 2: 10, 3: 50, 4: 50, 5: 1},
    )
    assert sorted(told) == [(1, 0), (2, 10), (3, 0), (4, 50), (5, 20)]


def test_no_more_run_than_the_engine_lets_whatever_the_pools_have() -> None:
    assert starts([head(1), head(2), head(3)], slots={"p": 5}, total=2) == [(1, 0), (2, 0), (3, 1_000)]


def test_nothing_is_foretold_behind_an_end_that_is_not_known() -> None:
    assert starts([head(1), head(2)], took={2: 5}) == [(1, 0)]
    assert starts([head(1)], running=[Running(ends_at=None, pool="p")]) == []
    free = {"slots": {"p": 2}, "running": [Running(ends_at=None, pool="p")]}
    assert starts([head(1), head(2)], **free) == [(1, 0)]


def test_a_limit_of_open_attempts_opens_when_one_ends() -> None:
    limited = gauge(LimitKind.CONCURRENCY, 2, reserved=1)
    running = [Running(ends_at=300, pool="p", held={1: 1})]
    told = starts([head(n, gset=1) for n in (1, 2, 3)], slots={"p": 9}, gauges={1: limited}, running=running)
    assert told == [(1, 0), (2, 300), (3, 1_000)]
    assert limited.reserved == 1


def test_a_rate_lets_the_next_start_when_its_token_comes() -> None:
    told = starts(
        [head(n, gset=1) for n in (1, 2, 3)],
        slots={"p": 9},
        gauges={1: gauge(LimitKind.RATE, 1, step_us=7_000_000)},
        took=10,
    )
    assert told == [(1, 0), (2, 7_000), (3, 14_000)]


def test_a_budget_opens_with_its_next_window_and_others_go_on() -> None:
    spent = gauge(
        LimitKind.BUDGET, 10, unit="usd", window=Window(per=Per.HOUR), used=8, turns_at=HOUR, began=0
    )
    told = starts(
        [head(1, gset=1, usd=5), head(2, gset=1, usd=1)], [head(3, 2)], gauges={1: spent}, took=HOUR // 4
    )
    assert told == [(3, 0), (1, HOUR), (2, HOUR + HOUR // 4)]


def test_what_no_window_can_hold_is_never_foretold() -> None:
    small = gauge(LimitKind.BUDGET, 10, unit="usd", window=Window(per=Per.MINUTE), turns_at=60_000)
    assert starts([head(1, gset=1, usd=50), head(2, gset=1, usd=1)], gauges={1: small}) == []
    closed = gauge(LimitKind.BUDGET, 10, unit="usd", used=10)
    assert starts([head(1, gset=1, usd=0)], gauges={1: closed}) == []


def test_windows_turn_by_the_wall_clock() -> None:
    spent = gauge(LimitKind.QUOTA, 1, window=Window(per=Per.HOUR), used=1, turns_at=HOUR)
    assert starts([head(1, gset=1)], gauges={1: spent}, now=5_000, offset=5_000) == [(1, HOUR + 5_000)]


def test_an_attempt_of_an_earlier_window_gives_nothing_back_in_this_one() -> None:
    spent = gauge(
        LimitKind.BUDGET, 10, unit="usd", window=Window(per=Per.HOUR), reserved=10, turns_at=HOUR, began=0
    )
    running = [Running(ends_at=HOUR + 10, pool="p", held={1: 10})]
    told = starts(
        [head(1, gset=1, usd=6), head(2, gset=1, usd=4)],
        slots={"p": 2},
        gauges={1: spent},
        running=running,
        took=HOUR // 2,
    )
    assert told == [(1, HOUR), (2, HOUR + 10)]


def test_what_is_queued_by_an_end_takes_its_place_in_its_lane_or_in_one_of_its_own() -> None:
    arrivals = {1: [head(5, key=1), head(6, 2)], 5: [head(7, 3)]}
    told = starts([head(1), head(2, key=9)], followers=lambda task_id, _: arrivals.get(task_id, ()), took=10)
    assert sorted(told) == [(1, 0), (2, 40), (5, 20), (6, 10), (7, 30)]
    assert starts([head(1)], followers=lambda _, now: [head(now + 2)] if now < 30 else (), took=10) == [
        (1, 0),
        (12, 10),
        (22, 20),
    ]


def test_a_task_that_spends_less_than_it_held_leaves_the_rest_to_others() -> None:
    spent = gauge(LimitKind.BUDGET, 10, unit="usd")
    lane = [head(n, gset=1, usd=6) for n in (1, 2, 3)]
    told = starts(lane, gauges={1: spent}, spends=lambda _: {"usd": 4}, took=10)
    assert told == [(1, 0), (2, 10)]
    assert starts(lane, gauges={1: spent}, took=10) == [(1, 0)]


def test_who_asks_for_a_lane_hears_what_keeps_it_back_and_when() -> None:
    spent = gauge(LimitKind.BUDGET, 10, unit="usd")
    heard: list[tuple[int, int, int]] = []
    starts(
        [head(n, gset=1, usd=6) for n in (1, 2)],
        [head(11, 2, gset=1, usd=7)],
        slots={"p": 9},
        gauges={1: spent},
        took=10,
        kept_back={2: lambda need, of, at: heard.append((need.amount, of.used, at))},
    )
    assert heard == [(7, 0, 0), (7, 6, 10)]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_chosen_ahead_is_what_would_be_chosen_then(seed: int) -> None:
    random = Random(seed)
    count = random.randint(1, 6)
    lanes = [
        [head(lane * 1_000 + n, lane, key=random.randint(-3, 3) * 10_000 + n) for n in range(60)]
        for lane in range(1, count + 1)
    ]
    for lane in lanes:
        lane.sort(key=lambda one: (one.sort_key, one.task_id))
    took = {one.task_id: random.randint(1, 50) for lane in lanes for one in lane}

    def followers(task_id: int, now: int) -> list[Head]:
        if task_id % 3 or task_id > 50_000:
            return []
        return [head(task_id + 100_000, random_lane(task_id), key=now - task_id % 7 * 10_000)]

    def random_lane(task_id: int) -> int:
        return task_id % (count + 2) + 1

    scene = {
        "slots": {"p": random.randint(1, 5)},
        "followers": followers,
        "usual_ms": lambda one: took.get(one, 20),
        "aging_step": 10**9,
    }
    asked = {1: gauge(LimitKind.CONCURRENCY, 10**6)}
    assert starts(*lanes, **scene) == starts(*lanes, **scene, gauges=asked)
