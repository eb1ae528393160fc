"""Tests of what a job would take and cost."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.model.lanes import Head
from core.model.limits.capacity_facts import CapacityFacts, LineFacts, OpenAttempt, PoolFacts
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Dimension, Limit, LimitKind, Per, Window
from core.model.predictions import Extent, Fit, PlannedJob, PlannedTask, PredictionView, Span, UnitCost
from core.model.records import replace
from core.model.run_times import Usual, UsualCost, UsualTime
from core.model.waits import EngineFacts, Holder, Switch
from core.render.prediction_texts import prediction_lines, prediction_shape
from core.rules import courses
from core.rules.prediction import Arriving, predict
from core.rules.why.capacity import judge

NOW = 1_000_000
HOUR = 3_600_000


def usual(ms: int | None, usd: int | None = None) -> Usual:
    cost = {} if usd is None else {"usd": UsualCost(median=usd, p90=usd, p95=2 * usd, attempts=9)}
    time = None if ms is None else UsualTime(median_ms=ms, p90_ms=ms, p95_ms=2 * ms, attempts=9)
    return Usual(time=time, costs=cost)


def task(key: str, ms: int | None = 1_000, *, usd: int | None = None, **more: object) -> PlannedTask:
    return PlannedTask(key=key, queue=str(more.pop("queue", "q")), usual=usual(ms, usd), **more)


def job(*tasks: PlannedTask, **more: object) -> PlannedJob:
    return PlannedJob(name="nightly", tasks=tasks, **more)


def told(
    planned: PlannedJob,
    *,
    line: LineFacts | None = None,
    counts: Mapping[int, int] | None = None,
    slots: int = 2,
    **facts: object,
) -> PredictionView:
    line = line or LineFacts()
    counts = counts or {lane[0].lane_id: len(lane) for lane in line.lanes}
    return predict(
        planned,
        Arriving(
            line=line,
            lane_counts=counts,
            queued=sum(counts.values()),
            engine=EngineFacts(state="serving", slots=slots, aging_step=60_000),
            capacity=judge(CapacityFacts(now=NOW, wall=NOW, **facts)),
        ),
    )


def queued(number: int, *, ms: int | None = 1_000, lane: int = 1, key: int = 0) -> LineFacts:
    heads = [
        Head(lane_id=lane, task_id=n, job_id=7, queue="q", sort_key=key, vtime=0)
        for n in range(1, number + 1)
    ]
    return LineFacts(
        lanes=(tuple(heads),), usual_ms={} if ms is None else {head.task_id: ms for head in heads}
    )


def budget(most: int, **more: object) -> Gauge:
    limit = Limit(name="team", kind=LimitKind.BUDGET, max=most, unit="usd", **more)
    return Gauge(id=-1, limit=limit, turns_at=NOW + HOUR if "window" in more else None)


def test_a_job_takes_as_long_as_its_needs_and_slots_let_it() -> None:
    planned = job(task("a"), task("b"), task("c"), task("d", needs=(0, 2)))
    view = told(planned)
    assert view.starts == Span(low=NOW, high=NOW)
    assert view.takes == Span(low=3_000, high=6_000)
    assert (view.never, view.unknown, view.extent) == (0, 0, Extent.WHOLE)
    assert told(planned, slots=9).takes == Span(low=2_000, high=4_000)


def test_a_stage_begins_when_the_one_before_has_ended() -> None:
    planned = job(task("a", 5_000), task("b"), task("c", stage=1), task("d", stage=1, needs=(2,)))
    assert told(planned).takes == Span(low=7_000, high=14_000)


def test_what_is_queued_and_runs_comes_first_and_a_higher_priority_before_it() -> None:
    running = OpenAttempt(
        holder=Holder(task_id=99, key="x", job_id=7, since=0), pool="default", ran_ms=400, usual_ms=1_400
    )
    line = queued(4, key=NOW - 600_000)
    line = LineFacts(lanes=line.lanes, usual_ms=line.usual_ms, open=(running, running))
    view = told(job(task("a")), line=line)
    assert (view.queued, view.running) == (4, 2)
    assert view.starts == Span(low=NOW + 3_000, high=NOW + 3_000)
    assert told(job(task("a", priority=100)), line=line).starts == Span(low=NOW + 1_000, high=NOW + 1_000)


def test_what_was_never_measured_counts_as_nothing_and_as_the_longest() -> None:
    view = told(job(task("a"), task("b", 3_000, needs=(0,)), task("c", None, needs=(1,))))
    assert view.takes == Span(low=4_000, high=14_000)
    assert view.unknown == 1
    cold = told(job(task("a", None), task("b", None)))
    assert (cold.takes, cold.unknown) == (Span(low=0, high=None), 2)


def test_others_that_were_never_measured_leave_the_end_open_unless_their_queue_has_a_pace() -> None:
    cold = queued(4, ms=None, key=NOW - 600_000)
    view = told(job(task("a")), line=cold)
    assert (view.takes, view.unknown_others) == (Span(low=1_000, high=None), 4)
    paced = LineFacts(lanes=cold.lanes, ends_per_minute={"q": 60.0})
    view = told(job(task("a")), line=paced)
    assert (view.takes, view.unknown_others) == (Span(low=5_000, high=6_000), 0)


def test_costs_are_what_attempts_spent_else_what_is_said() -> None:
    tasks = (
        task("a", usd=200),
        task("b", cost='{"usd":1000,"tokens":5}'),
        task("c", usd=300, cost='{"usd":9}'),
        task("d"),
    )
    view = told(job(*tasks))
    assert view.costs == (
        UnitCost(unit="usd", amount=Span(low=1_500, high=2_000)),
        UnitCost(unit="tokens", amount=Span(low=5, high=5)),
    )
    cold = told(job(task("a", None), task("b", None, cost='{"usd":1000}')))
    assert cold.costs == (UnitCost(unit="usd", amount=Span(low=1_000, high=2_000), unestimated=1),)


@pytest.mark.parametrize(
    ("most", "fits", "spent_at"),
    [(10_000, Fit.YES, None), (700, Fit.PERHAPS, 8_000), (250, Fit.NO, 2_000)],
)
def test_a_budget_holds_the_job_or_is_spent_at_a_moment(most: int, fits: Fit, spent_at: int | None) -> None:
    gauge = budget(most, window=Window(per=Per.HOUR))
    tasks = [task(str(n), usd=100, cost='{"usd":100}', gset_id=-1) for n in range(5)]
    view = told(job(*tasks, sets={-1: (-1,)}, gauges={-1: gauge}), slots=1)
    (fit,) = view.budgets
    assert (fit.limit, fit.needs, fit.left) == ("team", Span(low=500, high=1_000), most)
    assert (fit.fits, fit.turns_at) == (fits, NOW + HOUR)
    assert fit.spent_at == (None if spent_at is None else NOW + spent_at)
    assert view.takes is not None
    assert (view.takes.low >= HOUR) is (fits is Fit.NO)


def test_a_budget_that_reservations_fill_for_a_while_holds_the_job() -> None:
    tasks = [task(str(n), usd=1, cost='{"usd":60}', gset_id=-1) for n in range(4)]
    view = told(job(*tasks, sets={-1: (-1,)}, gauges={-1: budget(100)}), slots=4)
    assert view.budgets[0].fits is Fit.YES
    assert view.takes == Span(low=4_000, high=8_000)


def test_a_budget_is_not_sure_to_hold_what_nothing_is_known_of() -> None:
    sets = {"sets": {-1: (-1,)}, "gauges": {-1: budget(100)}}
    assert told(job(task("a", None, gset_id=-1), **sets)).budgets[0].fits is Fit.PERHAPS
    default = {"sets": {-1: (-1,)}, "gauges": {-1: budget(100, default_cost=5)}}
    (fit,) = told(job(task("a", None, gset_id=-1), **default)).budgets
    assert (fit.fits, fit.needs) == (Fit.YES, Span(low=5, high=5))


def test_a_budget_of_a_queue_or_pool_counts_too() -> None:
    view = told(job(task("a", usd=5), queue_gauges={"q": (-1,)}, gauges={-1: budget(100)}))
    assert view.budgets[0].needs == Span(low=5, high=10)
    pool = PoolFacts(name="p", slots=2, queues=("q",), gauges=(4,))
    of_pool = Gauge(id=4, limit=Limit(name="deep", kind=LimitKind.BUDGET, max=9, unit="usd"))
    view = told(job(task("a", usd=5)), pools=(pool,), gauges={4: of_pool})
    assert (view.budgets[0].limit, view.budgets[0].fits) == ("deep", Fit.YES)
    other = told(job(task("a", usd=5, queue="x")), pools=(pool,), gauges={4: of_pool})
    assert other.budgets == ()


def test_what_never_starts_is_said_with_its_cause() -> None:
    paused = told(job(task("a"), task("b", queue="x", needs=(0,)), paused=frozenset({"x"})))
    assert (paused.never, paused.never_why, paused.ends) == (1, "queue x is paused", None)
    assert paused.starts == Span(low=NOW, high=NOW)
    pool = PoolFacts(name="p", slots=2, queues=("y",))
    none = told(job(task("a")), pools=(pool,))
    assert (none.never, none.never_why, none.starts) == (1, "no pool drains queue q", None)
    shut = PoolFacts(name="p", slots=2, paused=Switch(at=1, by="ada"))
    assert told(job(task("a")), pools=(shut,)).never_why == "pool p is paused"
    tasks = [task(str(n), usd=100, cost='{"usd":100}', gset_id=-1) for n in range(3)]
    spent = told(job(*tasks, sets={-1: (-1,)}, gauges={-1: budget(250)}))
    assert (spent.never, spent.never_why) == (1, "team never lets it start")
    assert spent.budgets[0].fits is Fit.NO


def test_a_preferred_pool_takes_its_tasks_alone() -> None:
    pools = (PoolFacts(name="deep", slots=1), PoolFacts(name="wide", slots=8))
    tasks = [task(str(n), gset_id=-1) for n in range(4)]
    view = told(job(*tasks, sets={-1: ()}, prefers={-1: ("deep",)}), pools=pools, slots=9)
    assert view.takes is not None
    assert view.takes.low > 1_000
    assert told(job(*tasks, sets={-1: ()}), pools=pools, slots=9).takes == Span(low=1_000, high=2_000)


def test_a_limit_is_obeyed() -> None:
    one = Gauge(
        id=-1,
        limit=Limit(name="one", kind=LimitKind.CONCURRENCY, max=1, on={Dimension.QUEUE: "q"}),
    )
    planned = job(*[task(str(n)) for n in range(3)], queue_gauges={"q": (-1,)}, gauges={-1: one})
    assert told(planned, slots=9).takes == Span(low=3_000, high=6_000)


def test_more_than_can_be_played_is_told_by_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = told(job(task("a")), line=queued(400, key=NOW - 600_000), slots=4)
    monkeypatch.setattr(courses, "WORK_MAX", 100)
    view = told(job(task("a")), line=queued(50, key=NOW - 600_000), counts={1: 400}, slots=4)
    assert (exact.extent, view.extent) == (Extent.WHOLE, Extent.SAMPLED)
    assert (exact.takes, view.never) == (Span(low=101_000, high=102_000), 0)
    assert view.takes is not None
    assert abs(view.takes.low - exact.takes.low) < 0.05 * exact.takes.low


def test_what_was_not_looked_at_makes_a_prediction_partial() -> None:
    view = told(job(task("a")), line=replace(queued(4), is_partial=True))
    assert view.extent is Extent.PARTIAL
    text = "\n".join(prediction_lines(view))
    assert "about 3s to 4s, partial" in text
    assert "it may take longer" in text
    assert prediction_shape(view)["extent"] == "partial"


def test_a_long_course_is_played_once_and_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = job(*[task(str(n)) for n in range(40)])
    exact = told(planned)
    monkeypatch.setattr("core.rules.prediction.TWICE_MAX", 30)
    assert told(planned).takes == exact.takes == Span(low=20_000, high=40_000)
