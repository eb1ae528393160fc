"""What a plan tells about the limits that a task is under."""

from __future__ import annotations

import pytest

from core.model.limits.limits import LimitRef, TaskFacts
from core.model.limits.task_facts import facts_of, host_of
from core.model.plans import TaskPlan
from core.model.values import JsonObject


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org/x", "example.org"),
        ("HTTPS://API.Example.ORG:8443/x?y#z", "api.example.org"),
        ("http://user:pw@example.org./", "example.org"),
        ("http://[::1]:80/", "::1"),
        ("https://example.org/${{ params.date }}.json", "example.org"),
        ("https://example.org?d=${{ params.date }}", "example.org"),
        ("https://example.org", "example.org"),
        ("https://example.org${{ params.rest }}", None),
        ("https://${{ params.host }}/x", None),
        ("https://${{ params.a / 2 }}.org/x", None),
        ("https://example.org:${{ params.port }}/x", None),
        ("${{ tasks.a.output.url }}", None),
        ("http://[", None),
        ("http:///x", None),
        ("example.org/x", None),
        ("", None),
        (5, None),
    ],
)
def test_the_host_is_known_where_it_is_constant(url: str | int, host: str | None) -> None:
    assert host_of("http", {"url": url}) == host


@pytest.mark.parametrize(("uses", "with_"), [("shell", {"url": "http://a.org"}), ("http", {})])
def test_other_calls_have_no_host(uses: str, with_: JsonObject) -> None:
    assert host_of(uses, with_) is None


def test_the_facts_of_a_task_are_those_of_its_plan_and_its_job() -> None:
    plan = TaskPlan(
        key="a",
        uses="http",
        queue="web",
        with_={"url": "https://a.org/", "model": "m-1"},
        limits=(LimitRef(name="db"),),
        tags=("slow",),
        project="own",
    )
    facts = facts_of(plan, job=7, workflow="nightly", project="team")
    assert facts == TaskFacts(
        queue="web",
        connector="http",
        project="team",
        workflow="nightly",
        host="a.org",
        model="m-1",
        tags=("slow",),
        named=(LimitRef(name="db"),),
        job_id=7,
    )
    assert facts_of(plan, job=1, workflow=None, project=None).project == "own"


@pytest.mark.parametrize("model", ["", "${{ params.model }}", 5, None])
def test_a_model_that_is_not_a_constant_text_is_absent(model: str | int | None) -> None:
    plan = TaskPlan(key="a", uses="mine", with_={"model": model})
    assert facts_of(plan, job=7, workflow="w", project=None).model is None
