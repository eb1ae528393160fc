"""Which gauges a task passes, by the scopes of limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.limits.backends import retries_of
from core.model.limits.limits import (
    Backend,
    Dimension,
    GaugeKey,
    Limit,
    LimitKind,
    LimitRef,
    Per,
    TaskFacts,
    Window,
)
from core.model.records import replace
from core.model.values import INBOX
from core.rules.limit_scopes import broad_keys, gauge_keys, is_broad, limit_faults

FACTS = TaskFacts(
    queue="web",
    connector="http",
    project="team",
    workflow="nightly",
    host="a.org",
    model="m-1",
    tags=("slow", "big"),
    job_id=7,
)
FITTING = {
    Dimension.QUEUE: "web",
    Dimension.CONNECTOR: "http",
    Dimension.PROJECT: "team",
    Dimension.WORKFLOW: "nightly",
    Dimension.HOST: "A.org",
    Dimension.MODEL: "m-1",
    Dimension.TAG: "big",
}
NARROW = tuple(dimension for dimension in FITTING if dimension is not Dimension.QUEUE)


def limit(name="x", on=None, *, kind=LimitKind.CONCURRENCY, per=Per.DAY):
    return Limit(name=name, kind=kind, max=3, on=on, window=Window(per=per))


def named(*refs, job_id=7):
    return TaskFacts(queue="web", connector="shell", named=refs, job_id=job_id)


def keys(*pairs):
    return tuple(GaugeKey(name=name, key=key) for name, key in pairs)


@pytest.mark.parametrize("dimension", NARROW)
def test_a_narrow_limit_is_for_tasks_with_its_property(dimension):
    on = {dimension: FITTING[dimension]}
    assert gauge_keys(FACTS, [limit(on=on)]) == keys(("x", ""))
    assert gauge_keys(FACTS, [limit(on={dimension: "other"})]) == ()
    assert gauge_keys(TaskFacts(queue="other", connector="other", job_id=7), [limit(on=on)]) == ()


@pytest.mark.parametrize("wrong", [*NARROW, Dimension.QUEUE])
def test_all_properties_must_fit(wrong):
    assert gauge_keys(FACTS, [limit(on=FITTING)]) == keys(("x", ""))
    assert gauge_keys(FACTS, [limit(on={**FITTING, wrong: "other"})]) == ()


@pytest.mark.parametrize("on", [{}, {Dimension.QUEUE: "web"}])
def test_a_broad_limit_belongs_to_the_queue(on):
    assert gauge_keys(FACTS, [limit(on=on)]) == ()
    assert broad_keys("web", [limit(on=on)]) == keys(("x", ""))


def test_a_limit_of_a_queue_is_not_for_another():
    assert broad_keys("other", [limit(on={Dimension.QUEUE: "web"})]) == ()


@pytest.mark.parametrize("on", [{Dimension.POOL: "gpu"}, {Dimension.POOL: "gpu", Dimension.QUEUE: "web"}])
def test_a_limit_of_a_pool_is_asked_at_the_claim_only(on):
    assert gauge_keys(FACTS, [limit(on=on)]) == ()
    assert broad_keys("web", [limit(on=on)]) == ()


def test_a_limit_without_a_scope_is_for_those_that_name_it():
    assert gauge_keys(FACTS, [limit()]) == ()
    assert broad_keys("web", [limit()]) == ()
    task = named(LimitRef(name="x", key="db2"), LimitRef(name="x", key="db1"), LimitRef(name="x", key="db1"))
    assert gauge_keys(task, [limit()]) == keys(("x", "db1"), ("x", "db2"))


def test_a_gauge_is_passed_once_also_if_the_task_names_what_its_queue_has():
    task = named(LimitRef(name="x"), LimitRef(name="x", key="k"))
    assert gauge_keys(task, [limit(on={})]) == keys(("x", "k"))
    assert gauge_keys(task, [limit(on={Dimension.QUEUE: "other"})]) == keys(("x", ""), ("x", "k"))


@pytest.mark.parametrize("kind", [LimitKind.BUDGET, LimitKind.QUOTA])
@pytest.mark.parametrize("on", [{}, {Dimension.QUEUE: "web"}, {Dimension.CONNECTOR: "http"}])
def test_a_window_of_a_job_has_a_gauge_for_each_job(kind, on):
    mine = limit(on=on, kind=kind, per=Per.JOB)
    assert gauge_keys(FACTS, [mine]) == keys(("x", "job:7"))
    assert not is_broad(mine)
    assert broad_keys("web", [mine]) == ()


def test_a_named_window_of_a_job_keeps_the_key_apart():
    mine = limit(kind=LimitKind.BUDGET, per=Per.JOB)
    task = named(LimitRef(name="x", key="db1"))
    assert gauge_keys(task, [mine]) == keys(("x", "job:7:db1"))


def test_a_loose_task_has_no_job_whose_window_it_could_fill():
    mine = limit(on={}, kind=LimitKind.BUDGET, per=Per.JOB)
    task = named(LimitRef(name="x"), job_id=INBOX)
    assert gauge_keys(task, [mine]) == ()
    assert list(limit_faults(task, [mine])) == ["`x` is counted per job, and a loose task has none"]
    assert list(limit_faults(named(LimitRef(name="x")), [mine])) == []


def test_unknown_names_are_told_once_with_what_may_have_been_meant():
    task = named(LimitRef(name="databse"), LimitRef(name="databse", key="1"), LimitRef(name="x"))
    assert list(limit_faults(task, [limit(), limit("database")])) == [
        "`databse` is not a limit; did you mean `database`?"
    ]
    assert list(limit_faults(named(LimitRef(name="y")), [])) == ["`y` is not a limit"]
    assert gauge_keys(named(LimitRef(name="y")), []) == ()


_names = st.sampled_from("abc")
_scopes = st.none() | st.dictionaries(st.sampled_from(Dimension), _names, max_size=3)
_limits = st.lists(
    st.builds(
        limit,
        _names,
        _scopes,
        kind=st.sampled_from(LimitKind),
        per=st.sampled_from(Per),
    ),
    max_size=5,
    unique_by=lambda made: made.name,
)
_facts = st.builds(
    TaskFacts,
    queue=_names,
    connector=_names,
    project=st.none() | _names,
    workflow=st.none() | _names,
    host=st.none() | _names,
    model=st.none() | _names,
    tags=st.lists(_names, max_size=2).map(tuple),
    named=st.lists(st.builds(LimitRef, name=_names, key=st.sampled_from(["", "k"])), max_size=3).map(tuple),
    job_id=st.integers(1, 3),
)


@given(_facts, _limits)
def test_gauges_are_sorted_each_once_and_of_known_limits(facts, limits):
    narrow, broad = gauge_keys(facts, limits), broad_keys(facts.queue, limits)
    both = [*narrow, *broad]
    assert list(narrow) == sorted(narrow)
    assert list(broad) == sorted(broad)
    assert len(both) == len(set(both))
    assert {key.name for key in both} <= {limit.name for limit in limits}


@given(_facts, _limits)
def test_each_limit_counts_for_itself_in_whatever_order(facts, limits):
    alone = [key for one in limits for key in gauge_keys(facts, [one])]
    assert gauge_keys(facts, limits) == gauge_keys(facts, limits[::-1]) == tuple(sorted(alone))


@given(_facts, _limits)
def test_broad_limits_do_not_ask_for_anything_but_the_queue(facts, limits):
    for one in limits:
        is_for_it = GaugeKey(name=one.name) in broad_keys(facts.queue, [one])
        other = TaskFacts(queue=facts.queue, connector="other", job_id=9)
        assert is_for_it == (GaugeKey(name=one.name) in broad_keys(other.queue, [one]))
        if is_for_it:
            assert one.on is not None
            assert set(one.on) <= {Dimension.QUEUE}


def test_a_limit_on_retries_is_for_retries_alone():
    api = Backend(name="api", match={Dimension.HOST: FITTING[Dimension.HOST]})
    again = replace(FACTS, repeats_in="cpu")
    assert gauge_keys(FACTS, [retries_of(api)]) == ()
    assert gauge_keys(again, [retries_of(api)]) == keys(("retry:api", ""))
    assert gauge_keys(again, [retries_of(replace(api, match={Dimension.HOST: "other"}))]) == ()


def test_a_limit_on_retries_of_a_pool_is_for_what_ran_there():
    gpu = retries_of(Backend(name="gpu", match={Dimension.POOL: "gpu"}))
    assert gauge_keys(replace(FACTS, repeats_in="gpu"), [gpu]) == keys(("retry:gpu", ""))
    assert gauge_keys(replace(FACTS, repeats_in="cpu"), [gpu]) == ()
