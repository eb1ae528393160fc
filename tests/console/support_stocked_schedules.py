"""Schedules of tests in every state, and what became of their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.limits.limit_views import Cause
from core.model.timing.schedule_views import ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import (
    CatchUp,
    FireKind,
    FirePolicy,
    FireStatus,
    Overlap,
    Schedule,
    Timing,
    Work,
)
from tests.console.support_fake_rows import NOW

if TYPE_CHECKING:
    from tests.console.support_fake_schedules import FakeSchedules

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def fire(ago: int, status: FireStatus = FireStatus.SUBMITTED, **more) -> FireView:
    """Return what became of a time so long ago; a submitted one has job 2."""
    job = {"job_id": 2, "job_status": "succeeded"} if status is FireStatus.SUBMITTED else {}
    facts = {"kind": FireKind.TIMED, "decided_at": NOW - ago, "actor": "engine", **job, **more}
    return FireView(at=NOW - ago, status=status, **facts)


def schedule(name: str, timing: Timing, *, due: int | None = HOUR, **more) -> ScheduleView:
    """Return a schedule that fires in so long."""
    policy, work = more.pop("policy", FirePolicy()), more.pop("work", Work(source=f"/srv/{name}.yaml"))
    at = None if due is None else NOW + due
    facts = {
        "id": len(name),
        "handled_at": NOW - MINUTE,
        "due_at": at,
        "wake_at": at,
        "created_at": NOW - 40 * DAY,
        "actor": "ana (cli)",
        "next": () if due is None else tuple(NOW + due + step * DAY for step in range(5)),
        **more,
    }
    return ScheduleView(schedule=Schedule(name=name, timing=timing, policy=policy, work=work), **facts)


def stock_schedules(control: FakeSchedules) -> None:
    """Give a control schedules of each kind, and the fires of a day."""
    zone = "Europe/Berlin"
    cause = Cause(at=NOW - 2 * HOUR, by="ana (cli)", reason="tape robot is away")
    control.schedule_views = [
        schedule(
            "backup",
            Timing(cron="30 2 * * 1-5", zone=zone),
            due=9 * HOUR,
            paused=cause,
            last=fire(15 * HOUR, job_id=6, job_status="failed"),
        ),
        schedule("bill-run", Timing(at=NOW - 3 * DAY), due=None, last=fire(3 * DAY, job_id=3)),
        schedule(
            "month-end",
            Timing(calendar="last working day at 18:00", zone=zone),
            due=12 * DAY,
            policy=FirePolicy(catch_up=CatchUp.ALL, overlap=Overlap.QUEUE, expect_ms=32 * DAY),
            expected=ExpectationView(every_ms=32 * DAY, since=NOW - 33 * DAY, silent_since=NOW - DAY),
        ),
        schedule(
            "nightly-etl",
            Timing(cron="0 22 * * *", zone=zone),
            due=23 * HOUR,
            last=fire(14 * MINUTE, job_status="running"),
            open_jobs=1,
            missed=2,
        ),
        schedule(
            "poll-mail",
            Timing(every_ms=5 * MINUTE),
            due=3 * MINUTE,
            policy=FirePolicy(overlap=Overlap.REPLACE, catch_up=CatchUp.NONE),
            last=fire(2 * MINUTE, FireStatus.SKIPPED, reason="a job of an earlier fire has not ended"),
            missed=311,
        ),
    ]
    control.fire_views = [
        fire(14 * MINUTE, job_status="running"),
        fire(2 * HOUR, FireStatus.SKIPPED, reason="a job of an earlier fire has not ended"),
        fire(5 * HOUR, kind=FireKind.MANUAL, actor="ana (cli)", job_id=5),
        fire(9 * HOUR, FireStatus.FAILED, reason="document.not_found: /srv/nightly-etl.yaml is not there"),
        fire(
            25 * HOUR,
            FireStatus.MISSED,
            number=2,
            since=NOW - 30 * HOUR,
            reason="it was later than the window",
        ),
        fire(50 * HOUR, job_id=4, job_status="failed"),
    ]
