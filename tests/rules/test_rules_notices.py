"""Which events are told to whom, in which words, and when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from core.model.events import KINDS as ALL_KINDS
from core.model.notices import LISTED, TRIES, Delivery, NoticeView, Quiet, Sink, Told, Topic
from core.rules.notice_texts import body_of, lines_of, subject_of
from core.rules.notices import KINDS, draft_notices, quiet_until, retry_at

ALL = Sink(name="all", on=tuple(Topic))
BERLIN = "Europe/Berlin"


SPENT = {"limit": "team", "key": "acme", "max": 10_000_000, "unit": "usd"}


def told(kind: str, **more: object) -> Told:
    return Told(event=7, at=5, kind=kind, **more)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            told("job.failed", job_id=3, workflow="w", data={"reason": "task a failed"}),
            "job 3 w failed: task a failed",
        ),
        (told("job.succeeded", job_id=3, workflow="w"), "job 3 w succeeded"),
        (
            told(
                "attempt.failed",
                task_id=4,
                key="k",
                is_first=True,
                data={"family": "f", "error": {"code": "c", "message": "m"}},
            ),
            "a new failure, task 4 k: c: m",
        ),
        (told("attempt.failed", task_id=4, key="k"), None),
        (told("limit.soft", data={"limit": "team"}), "team passed its soft limit"),
        (
            told("budget.spent", data={**SPENT, "used": 9_000_000, "unknown": 1_500_000}),
            "budget team=acme is spent: 10.5 of 10 usd",
        ),
        (
            told("budget.freed", data={**SPENT, "used": 0, "unknown": 0}),
            "budget team=acme has something left again: 0 of 10 usd",
        ),
        (told("backend.down", data={"backend": "b", "reason": "no answer"}), "backend b is down: no answer"),
        (told("backend.opened", data={"backend": "b"}), "backend b refuses, and is shut"),
        (told("backend.up", data={"backend": "b", "from": "down"}), "backend b is up again"),
        (told("backend.up", data={"backend": "b", "from": "unknown"}), None),
        (told("fire.missed", data={"schedule": "s", "reason": "no engine"}), "schedule s missed: no engine"),
        (
            told("task.held", task_id=4, key="k", data={"from": "running"}),
            "task 4 k is held: its attempt was lost",
        ),
        (told("task.held", task_id=4, key="k", data={"from": "queued"}), None),
        (told("task.waiting", data={"item": 7, "title": "Pay?"}), "work item 7 Pay? waits for people"),
        (told("task.waiting", data={"signal": "go"}), None),
        (told("item.reminded", data={"item": 7, "title": "Pay?"}), "work item 7 Pay? still waits for people"),
        (
            told("item.escalated", data={"item": 7, "title": "Pay?", "to": "boss"}),
            "work item 7 Pay? is overdue: it is for boss now",
        ),
        (told("item.escalated", data={"item": 7}), "work item 7  is overdue: it is escalated"),
        (
            told("item.overdue", data={"item": 7, "title": "Pay?", "on_due": "reject"}),
            "work item 7 Pay? is overdue: it is denied",
        ),
        (told("task.silent", task_id=4, key="k"), "task 4 k writes nothing"),
        (
            told("expectation.missed", data={"workflow": "w"}),
            "no job of workflow w succeeded in the time in which one should",
        ),
        (
            told("expectation.missed", data={"schedule": "s"}),
            "no job of schedule s succeeded in the time in which one should",
        ),
        (told("claims.closed", data={"message": "the disk is full"}), "nothing is claimed: the disk is full"),
        (told("job.failed", job_id=3, workflow="\x1b[2J\n"), "job 3 ␛[2J␊ failed"),
    ],
)
def test_what_happened_is_told_in_one_safe_line(event: Told, text: str | None):
    assert [draft.text for draft in draft_notices([event], [ALL])] == ([] if text is None else [text])


def test_a_sink_hears_of_its_topics_statuses_and_workflows_alone():
    sink = Sink(name="s", on=(Topic.JOB_ENDED,), statuses=("failed",), workflows=("w",))
    events = [
        told("job.failed", job_id=1, workflow="w"),
        told("job.succeeded", job_id=2, workflow="w"),
        told("job.failed", job_id=3, workflow="v"),
        told("backend.down"),
    ]
    assert [draft.job_id for draft in draft_notices(events, [sink])] == [1]


def test_every_kind_that_is_told_is_one_of_the_history_and_every_topic_has_one():
    assert set(KINDS) <= set(ALL_KINDS)
    assert set(KINDS.values()) == set(Topic)


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10T21:59", None),
        ("2026-01-10T22:00", "2026-01-11T07:00"),
        ("2026-01-11T06:59", "2026-01-11T07:00"),
        ("2026-01-11T07:00", None),
        # The clocks are put forward in this night, and back in that.
        ("2026-03-29T01:30", "2026-03-29T07:00"),
        ("2026-10-25T02:30", "2026-10-25T07:00"),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall_and_pass_midnight(now: str, until: str | None):
    quiet = Quiet(begins_ms=22 * 3_600_000, ends_ms=7 * 3_600_000, zone=BERLIN)
    assert quiet_until(quiet, now=at(now, BERLIN)) == (None if until is None else at(until, BERLIN))
    assert quiet_until(None, now=at(now)) is None


def test_a_delivery_is_tried_again_ever_later_and_then_given_up():
    pauses = [retry_at(tries, now=0) for tries in range(1, TRIES + 1)]
    assert pauses == [10_000, 40_000, 160_000, 640_000, None]


def test_a_delivery_lists_some_and_counts_the_rest():
    notices = tuple(
        NoticeView(
            id=n,
            sink="s",
            topic="lost",
            event=n,
            at=0,
            text=f"t{n}",
            job_id=None,
            task_id=n,
            status="waiting",
            tries=1,
            delivery=4,
            ended_at=None,
            error=None,
        )
        for n in range(LISTED)
    )
    delivery = Delivery(number=4, sink="s", tries=1, count=LISTED + 12, notices=notices)
    assert subject_of(delivery) == f"taskdeck: t0 (and {LISTED + 11} more)"
    assert lines_of(delivery)[-1] == "12 more"
    body = body_of(delivery, home="/h", store_id="x")
    assert (body["count"], body["more"], len(body["notices"])) == (LISTED + 12, 12, LISTED)
