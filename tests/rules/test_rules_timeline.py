"""Tests of stretches and of the critical path."""

from __future__ import annotations

from core.model.timelines import PastEvent, Pause, Segment, TaskPast
from core.rules.timeline import critical_path, segments


def past(*events: tuple[int, str] | tuple[int, str, str], **more: object) -> TaskPast:
    attempts = iter(range(1, 99))
    told = tuple(
        PastEvent(
            at=at,
            kind=f"task.{kind}",
            status=more_[0] if more_ else None,
            attempt=next(attempts) if kind == "claimed" else None,
        )
        for at, kind, *more_ in events
    )
    usual = {"task_id": 1, "key": "a", "stage": "s", "position": 0, "status": "succeeded"}
    return TaskPast(**{**usual, "finished_at": None, "needs": (), "events": told, **more})  # type: ignore[arg-type]


def told(*args: object) -> list[tuple[str, int, int | None]]:
    return [(one.status, one.start, one.end) for one in segments(*args)]  # type: ignore[arg-type]


def test_each_move_begins_a_stretch_and_the_end_has_none() -> None:
    task = past(
        (0, "created", "blocked"),
        (5, "queued"),
        (7, "claimed"),
        (9, "retry_scheduled"),
        (20, "queued"),
        (21, "claimed"),
        (30, "succeeded"),
    )
    assert told(task) == [
        ("blocked", 0, 5),
        ("queued", 5, 7),
        ("running", 7, 9),
        ("retrying", 9, 20),
        ("queued", 20, 21),
        ("running", 21, 30),
    ]
    assert [one.attempt for one in segments(task) if one.status == "running"] == [1, 2]


def test_what_goes_on_has_no_end_and_a_rerun_begins_again() -> None:
    task = past(
        (0, "created", "queued"), (1, "claimed"), (2, "failed"), (9, "rerun", "blocked"), (12, "queued")
    )
    assert told(task) == [("queued", 0, 1), ("running", 1, 2), ("blocked", 9, 12), ("queued", 12, None)]


def test_a_queued_task_of_a_paused_job_waits_for_that() -> None:
    task = past((0, "created", "queued"), (50, "claimed"), (60, "succeeded"))
    pauses = [Pause(10, 20), Pause(30, 40), Pause(55, 58)]
    assert told(task, pauses) == [
        ("queued", 0, 10),
        ("paused", 10, 20),
        ("queued", 20, 30),
        ("paused", 30, 40),
        ("queued", 40, 50),
        ("running", 50, 60),
    ]
    waiting = past((0, "created", "queued"))
    assert told(waiting, [(10, None)]) == [("queued", 0, 10), ("paused", 10, None)]
    assert told(waiting, [(0, 5)]) == [("paused", 0, 5), ("queued", 5, None)]


def test_a_clock_that_was_set_back_makes_no_negative_stretch() -> None:
    task = past((100, "created", "queued"), (50, "claimed"), (40, "succeeded"))
    assert segments(task) == (Segment(status="running", start=100, end=100, attempt=1),)


def chain(**ends: tuple[int, int | None, tuple[int, ...]] | tuple[int, int | None, tuple[int, ...], int]):
    return [
        past(
            (0, "claimed"),
            task_id=number,
            key=key,
            finished_at=finished,
            needs=needs,
            position=position[0] if position else 0,
            status="succeeded" if finished is not None else "running",
        )
        for key, (number, finished, needs, *position) in ends.items()
    ]


def test_the_critical_path_goes_back_by_the_need_that_ended_last() -> None:
    tasks = chain(a=(1, 10, ()), b=(2, 30, ()), c=(3, 40, (1, 2)), d=(4, 35, (1,)))
    assert critical_path(tasks) == (2, 3)


def test_a_stage_waits_for_the_last_task_of_the_one_before() -> None:
    tasks = chain(a=(1, 10, (), 0), b=(2, 30, (1,), 0), c=(3, 50, (), 1), d=(4, 45, (), 1), e=(5, 60, (), 4))
    assert critical_path(tasks) == (1, 2, 3, 5)


def test_what_runs_ends_the_path_and_what_waits_is_not_on_it() -> None:
    tasks = chain(a=(1, 10, ()), b=(2, None, (1,)))
    assert critical_path(tasks) == (1, 2)
    blocked = [past(task_id=9, status="blocked", needs=(1,))]
    assert critical_path([*tasks, *blocked]) == (1, 2)
    assert critical_path(blocked) == ()
    never_ran = past(task_id=9, status="cancelled", finished_at=99, needs=(2,))
    assert critical_path([*tasks, never_ran]) == (1, 2)
    assert critical_path([*chain(a=(1, 10, ())), never_ran]) == (1,)


def test_needs_in_a_circle_end_the_search() -> None:
    assert critical_path(chain(a=(1, 10, (2,)), b=(2, 10, (1,)))) == (1, 2)


def test_a_task_that_waited_outside_a_slot_may_decide_the_end() -> None:
    ran = past((0, "created", "queued"), (1, "claimed"), (2, "succeeded"), task_id=1, finished_at=2)
    waited = past(
        (0, "created", "blocked"), (2, "waiting"), (90, "succeeded"), task_id=2, finished_at=90, needs=(1,)
    )
    assert critical_path([ran, waited]) == (1, 2)
