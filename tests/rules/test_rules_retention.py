"""What is due, and when retention may take it."""

from __future__ import annotations

import pytest

from core.model.retention import (
    DAY_MS,
    NEVER,
    EndedJob,
    EndedTask,
    Keep,
    KeepBoth,
    RetentionPolicy,
    RetentionState,
)
from core.rules.retention import job_is_due, outputs_are_due, share_of_rest, task_is_due

OWN = KeepBoth(succeeded=Keep(outputs_ms=DAY_MS, rows_ms=2 * DAY_MS), failed=Keep())
POLICY = RetentionPolicy(workflows={"nightly": OWN})


@pytest.mark.parametrize(
    ("name", "status", "days", "due"),
    [
        ("other", "succeeded", 89, False),
        ("other", "succeeded", 90, True),
        ("other", "failed", 364, False),
        ("other", "cancelled", 365, True),
        ("nightly", "succeeded", 2, True),
        ("nightly", "failed", 40_000, False),
    ],
)
def test_a_job_goes_by_its_age_its_end_and_its_workflow(name: str, status: str, days: int, due: bool) -> None:
    job = EndedJob(id=2, name=name, status=status, finished_at=5)
    assert job_is_due(POLICY, job, now=5 + days * DAY_MS) is due


@pytest.mark.parametrize(
    ("workflow", "status", "days", "outputs", "rows"),
    [
        (None, "succeeded", 29, False, False),
        (None, "skipped", 30, True, False),
        (None, "succeeded", 90, True, True),
        ("nightly", "succeeded", 1, True, False),
        (None, "failed", 365, True, True),
    ],
)
def test_outputs_go_before_rows(
    workflow: str | None, status: str, days: int, outputs: bool, rows: bool
) -> None:
    task = EndedTask(id=2, workflow=workflow, status=status, finished_at=0)
    now = days * DAY_MS
    assert (outputs_are_due(POLICY, task, now=now), task_is_due(POLICY, task, now=now)) == (outputs, rows)
    assert now < NEVER


SEEN = RetentionState(looked_at=1_000, looked_offset=0, looked_boot="a")


@pytest.mark.parametrize(
    ("state", "now", "offset", "boot", "must_look", "has_seen"),
    [
        (RetentionState(), 10**9, 0, "a", True, False),
        (SEEN, 600_999, 0, "a", False, False),
        (SEEN, 601_000, 0, "a", False, True),
        # Another start of the machine, whose clock may have lost its battery.
        (SEEN, 601_000, 0, "b", True, False),
        # Set ahead by more than a minute, and by less; set back.
        (SEEN, 601_000, -60_001, "a", True, False),
        (SEEN, 601_000, -60_000, "a", False, True),
        (SEEN, 601_000, 10**12, "a", False, True),
    ],
)
def test_the_clock_is_believed_at_the_second_look(
    state: RetentionState, now: int, offset: int, boot: str, must_look: bool, has_seen: bool
) -> None:
    assert state.must_look(offset=offset, boot=boot) is must_look
    assert state.has_seen(now=now, offset=offset, boot=boot) is has_seen


def test_a_notice_is_a_week_long_unless_it_is_applied() -> None:
    noticed = RetentionState(noticed_at=5)
    assert not RetentionState().may_take(10**15)
    assert not noticed.may_take(4 + 7 * DAY_MS)
    assert noticed.may_take(5 + 7 * DAY_MS)
    assert RetentionState(applied_at=9).may_take(9)


def test_the_further_outputs_are_above_their_quota_the_less_their_removal_rests() -> None:
    shares = [
        share_of_rest(used, quota=1_000, before=9_000) for used in (900, 1_000, 1_010, 1_050, 1_100, 5_000)
    ]
    assert shares == pytest.approx([1, 1, 0.9, 0.75, 0.75, 0.75])


@pytest.mark.parametrize(
    ("used", "before", "rests"), [(1_050, 1_050, False), (1_050, 1_051, True), (999, 900, True)]
)
def test_removal_does_not_rest_while_outputs_above_their_quota_do_not_get_less(
    used: int, before: int, rests: bool
) -> None:
    assert (share_of_rest(used, quota=1_000, before=before) > 0) is rests
