"""Notices of tests, in every status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.notices import NoticeStatus, NoticeView
from tests.console.support_fake_rows import NOW

if TYPE_CHECKING:
    from tests.console.support_fake_upkeep import FakeUpkeep


def notice(number: int, status: NoticeStatus = NoticeStatus.SENT, **more) -> NoticeView:
    """Return a notice of so many minutes ago."""
    facts = {
        "sink": "team",
        "topic": "job_ended",
        "event": number,
        "at": NOW - number * 60_000,
        "text": f"job {number} nightly failed",
        "job_id": 1,
        "task_id": None,
        "tries": 1,
        "delivery": 1,
        "error": None,
    }
    return NoticeView(id=number, status=status, ended_at=NOW, **{**facts, **more})


def stock_notices(control: FakeUpkeep) -> None:
    """Give a control a notice of each status."""
    control.notice_views = [
        notice(1, text="job 7 nightly-etl failed: task load failed", job_id=7),
        notice(
            2,
            NoticeStatus.FAILED,
            sink="ops",
            topic="backend_down",
            text="backend model-api is down: connection refused",
            job_id=None,
            tries=5,
            error="mail.example.com did not take the mail: connection refused",
        ),
        notice(3, NoticeStatus.DROPPED, sink="old", text="budget team is spent: 10.5 of 10 usd", job_id=None),
        notice(4, NoticeStatus.WAITING, text="a new failure, task 12 load: exit.1: no space", tries=0),
    ]
