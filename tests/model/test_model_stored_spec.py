from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.terms import Terms
from core.model.plans import Backoff, Jitter, OnLoss, RetryPolicy, TaskPlan
from core.model.stored_spec import SpecReader, StoredSpec, spec_to_json
from core.model.values import JsonObject

_scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_objects = st.dictionaries(st.text(max_size=5), _scalars | st.lists(_scalars, max_size=2), max_size=3)
_policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(2, 100),
    backoff=st.sampled_from(Backoff),
    base_ms=st.integers(0, 10**9),
    max_ms=st.integers(0, 10**9),
    jitter=st.sampled_from(Jitter),
    on=st.lists(st.text(max_size=5), max_size=3).map(tuple),
)
_units = st.sampled_from(["usd", "tokens", "pages"])
_estimates = st.just(Estimate(is_auto=True)) | st.builds(
    Estimate,
    amounts=st.dictionaries(_units, st.integers(0, 10**15)),
    expressions=st.dictionaries(st.just("calls"), st.text(max_size=5)),
)
_specs = st.builds(
    StoredSpec,
    with_=_objects,
    timeout_ms=st.none() | st.integers(0, 10**12),
    on_loss=st.sampled_from(OnLoss),
    when=st.none() | st.text(max_size=10),
    retry=st.just(RetryPolicy()) | _policies,
    limits=st.lists(st.builds(LimitRef, name=st.text(max_size=5), key=st.text(max_size=5)), max_size=2).map(
        tuple
    ),
    cost=st.none() | _estimates,
    prefer=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    on_exhausted=st.none() | st.sampled_from(OnExhausted),
    tags=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    project=st.none() | st.text(min_size=1, max_size=5),
    terms=st.none()
    | st.builds(
        Terms,
        limits=st.lists(
            st.builds(LimitRef, name=st.text(max_size=5), key=st.text(max_size=5)), max_size=2
        ).map(tuple),
        cost=st.none() | _estimates,
    ),
    metadata=_objects,
    context=_objects,
)


@given(_specs)
def test_what_is_stored_is_read_as_it_was(spec: StoredSpec) -> None:
    assert StoredSpec.from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def test_defaults_take_no_room_in_a_row() -> None:
    plan = TaskPlan(key="a", uses="shell", with_={"argv": ["true"]}, timeout_ms=5_000)
    assert spec_to_json(plan) == {
        "with": {"argv": ["true"]},
        "timeout": 5_000,
        "on_loss": "retry",
    }


def test_everything_a_plan_asks_for_is_stored() -> None:
    plan = TaskPlan(
        key="a",
        uses="shell",
        when="true",
        on_loss=OnLoss.ASK,
        retry=RetryPolicy(max_attempts=3, on=("http", "timeout")),
        limits=(LimitRef(name="db"), LimitRef(name="host", key="h1")),
        cost=Estimate(amounts={"usd": 20_000}, expressions={"tokens": "${{ tasks.a.output.n }}"}),
        prefer=("deep",),
        on_exhausted=OnExhausted.FINISH,
        tags=("slow",),
        project="team",
        metadata={"team": "ops"},
        context={"cwd": "/srv", "env": {"A": "1"}},
    )
    stored = spec_to_json(plan)
    assert list(stored.items()) == [
        ("with", {}),
        ("timeout", None),
        ("on_loss", "ask"),
        ("when", "true"),
        (
            "retry",
            {
                "max_attempts": 3,
                "backoff": "exponential",
                "base_ms": 1_000,
                "max_ms": 300_000,
                "jitter": "full",
                "on": ["http", "timeout"],
            },
        ),
        ("limits", ["db", {"limit": "host", "key": "h1"}]),
        ("prefer", ["deep"]),
        ("on_exhausted", "finish"),
        ("tags", ["slow"]),
        ("project", "team"),
        ("cost", {"usd": 20_000, "tokens": "${{ tasks.a.output.n }}"}),
        ("meta", {"team": "ops"}),
        ("context", {"cwd": "/srv", "env": {"A": "1"}}),
    ]
    spec = StoredSpec.from_json(stored)
    assert (spec.cwd, spec.env) == ("/srv", {"A": "1"})


def test_a_limit_without_a_key_is_read_as_rows_had_it_before() -> None:
    stored: JsonObject = {"limits": [{"limit": "db"}, "db", {"limit": "db", "key": "h1"}]}
    named = LimitRef(name="db")
    assert StoredSpec.from_json(stored).limits == (named, named, LimitRef(name="db", key="h1"))


def test_what_is_absent_is_the_default() -> None:
    assert StoredSpec.from_json({}) == StoredSpec()


@pytest.mark.parametrize("context", [{}, {"cwd": "", "env": None}, {"cwd": 1, "env": [1]}])
def test_a_task_asked_for_nowhere_has_no_surroundings(context: JsonObject) -> None:
    spec = StoredSpec(context=context)
    assert (spec.cwd, spec.env) == (None, {})


def test_texts_that_are_alike_are_read_once_and_each_input_is_its_own() -> None:
    specs = SpecReader()
    flat = json.dumps(spec_to_json(StoredSpec(with_={"run": "true"}, retry=RetryPolicy(max_attempts=3))))
    first, second = specs.read(flat), specs.read(flat)
    assert first == second == StoredSpec.of_text(flat)
    assert first.retry is second.retry
    first.with_["run"] = second.with_["run"] = "false"
    assert specs.read(flat).with_ == {"run": "true"}
    nested = '{"with":{"argv":["true"]}}'
    for _ in range(2):
        specs.read(nested).with_["argv"].append("x")  # type: ignore[union-attr]
    assert specs.read(nested).with_ == {"argv": ["true"]}
    with pytest.raises(Invalid):
        specs.read("{")
