"""Tests of verdicts on stages and jobs, by table and property."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.decisions import ClosedStages, Verdict
from core.model.plans import OnTaskFailure
from core.model.status import JOB, STAGE_FINAL, TASK_FINAL, JobStatus, StageStatus, TaskStatus
from core.rules.verdicts import (
    forecast,
    needs_verdict,
    status_of_stage,
    verdict_of_stages,
    verdict_of_task,
    verdict_of_tasks,
)

STOP, FINISH, CONTINUE = OnTaskFailure.STOP, OnTaskFailure.FINISH, OnTaskFailure.CONTINUE
ENDS = sorted(TASK_FINAL)
counts = st.dictionaries(st.sampled_from(ENDS), st.integers(1, 10**6))
names = st.none() | st.text(max_size=5)
policies = st.sampled_from(OnTaskFailure)


def subsets() -> Iterator[frozenset[TaskStatus]]:
    yield from map(frozenset, chain.from_iterable(combinations(ENDS, size) for size in range(len(ENDS) + 1)))


@pytest.mark.parametrize("ends", list(subsets()), ids=lambda ends: "+".join(sorted(ends)) or "no task")
def test_a_stage_ends_as_the_worst_of_its_tasks(ends: frozenset[TaskStatus]) -> None:
    order = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SUCCEEDED, TaskStatus.SKIPPED)
    worst = next((status for status in order if status in ends), TaskStatus.SKIPPED)
    assert status_of_stage(dict.fromkeys(ends, 1)) == StageStatus(worst)


@given(tasks=counts, more=counts)
def test_more_tasks_never_make_the_end_of_a_stage_better(
    tasks: dict[TaskStatus, int], more: dict[TaskStatus, int]
) -> None:
    ranks = {status: rank for rank, status in enumerate(("skipped", "succeeded", "cancelled", "failed"))}
    assert ranks[status_of_stage(tasks | more)] >= ranks[status_of_stage(tasks)]
    assert status_of_stage(dict.fromkeys(tasks, 1)) is status_of_stage(tasks)


@pytest.mark.parametrize("policy", OnTaskFailure)
def test_only_under_stop_the_first_failed_task_is_the_verdict(policy: OnTaskFailure) -> None:
    expected = Verdict(status=JobStatus.FAILED, reason="task k failed") if policy is STOP else None
    assert verdict_of_task(policy, "k") == expected


@pytest.mark.parametrize(
    ("closed", "following"),
    list(product(sorted(STAGE_FINAL), (StageStatus.PENDING, StageStatus.OPEN, None))),
)
def test_stages_are_judged_after_a_bad_end_and_after_the_last(
    closed: StageStatus, following: StageStatus | None
) -> None:
    assert needs_verdict(closed, following) is (closed in ("failed", "cancelled") or following is None)


FAILED = Verdict(status=JobStatus.FAILED, reason="stage f failed")
CANCELLED = Verdict(status=JobStatus.CANCELLED, reason="stage c was cancelled")


@pytest.mark.parametrize(
    ("policy", "failed", "cancelled", "verdict"),
    [
        (STOP, None, None, None),
        (STOP, "f", None, FAILED),
        (STOP, None, "c", CANCELLED),
        (STOP, "f", "c", FAILED),
        (FINISH, None, None, None),
        (FINISH, "f", None, FAILED),
        (FINISH, None, "c", CANCELLED),
        (FINISH, "f", "c", FAILED),
        (CONTINUE, None, None, None),
        (CONTINUE, "f", None, None),
        (CONTINUE, None, "c", CANCELLED),
        (CONTINUE, "f", "c", CANCELLED),
    ],
)
def test_the_first_bad_stage_is_the_verdict_but_continue_bears_a_failed_one(
    policy: OnTaskFailure, failed: str | None, cancelled: str | None, verdict: Verdict | None
) -> None:
    assert verdict_of_stages(policy, ClosedStages(failed=failed, cancelled=cancelled)) == verdict


@pytest.mark.parametrize("ends", list(subsets()), ids=lambda ends: "+".join(sorted(ends)) or "no task")
def test_one_success_is_enough_and_so_is_no_failure(ends: frozenset[TaskStatus]) -> None:
    lost = TaskStatus.FAILED in ends and TaskStatus.SUCCEEDED not in ends
    expected = Verdict(status=JobStatus.FAILED, reason="no task succeeded") if lost else None
    assert verdict_of_tasks(dict.fromkeys(ends, 1)) == expected


@given(policy=policies, failed=names, cancelled=names, tasks=counts, key=st.text(max_size=5))
def test_every_verdict_has_a_reason_and_an_end_that_is_a_legal_move(
    policy: OnTaskFailure,
    failed: str | None,
    cancelled: str | None,
    tasks: dict[TaskStatus, int],
    key: str,
) -> None:
    ends = {JOB["end_failed"].target, JOB["end_cancelled"].target}
    given_verdicts = (
        verdict_of_task(policy, key),
        verdict_of_stages(policy, ClosedStages(failed=failed, cancelled=cancelled)),
        verdict_of_tasks(tasks),
    )
    for verdict in given_verdicts:
        assert verdict is None or (verdict.status in ends and verdict.reason)


@given(policy=policies, failed=names, cancelled=names)
def test_a_verdict_names_the_stage_that_brought_it(
    policy: OnTaskFailure, failed: str | None, cancelled: str | None
) -> None:
    verdict = verdict_of_stages(policy, ClosedStages(failed=failed, cancelled=cancelled))
    if verdict is not None:
        named = failed if verdict.status is JobStatus.FAILED else cancelled
        assert named is not None
        assert verdict.reason.startswith(f"stage {named} ")


@pytest.mark.parametrize(
    ("policy", "stages", "verdict"),
    [
        (STOP, [{TaskStatus.QUEUED: 2}], None),
        (STOP, [{TaskStatus.QUEUED: 1, TaskStatus.CANCELLED: 3}], "stage s0 was cancelled"),
        (STOP, [{TaskStatus.SUCCEEDED: 1}, {TaskStatus.BLOCKED: 1, TaskStatus.FAILED: 1}], "stage s1 failed"),
        (CONTINUE, [{TaskStatus.RUNNING: 1, TaskStatus.FAILED: 1}], None),
        (CONTINUE, [{TaskStatus.FAILED: 1, TaskStatus.SKIPPED: 1}], "no task succeeded"),
        (FINISH, [{TaskStatus.CANCELLED: 1}, {TaskStatus.FAILED: 1}], "stage s1 failed"),
        (FINISH, [{TaskStatus.SKIPPED: 4}, {TaskStatus.RETRYING: 1}], None),
    ],
)
def test_the_end_of_a_job_is_foretold_by_what_will_stay(
    policy: OnTaskFailure, stages: list[dict[TaskStatus, int]], verdict: str | None
) -> None:
    foretold = forecast(policy, [(f"s{number}", counts) for number, counts in enumerate(stages)])
    assert (None if foretold is None else foretold.reason) == verdict
