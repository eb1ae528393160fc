"""Tests of timelines as text."""

from __future__ import annotations

from core.model.ranges import Range
from core.model.records import replace
from core.model.run_times import UsualTime
from core.model.timelines import Segment, TaskBar, TimelineView
from core.model.views import JobView
from core.render.timeline import (
    LEGEND,
    MARKS,
    axis_text,
    bar_name,
    bar_text,
    extent,
    slots_text,
    story_text,
    timeline_rows,
    waited_text,
)

JOB = JobView(
    id=7,
    name="nightly",
    status="succeeded",
    on_task_failure="stop",
    reason=None,
    created_at=0,
    started_at=0,
    finished_at=100,
    tasks={"succeeded": 2},
)


def bar(*stretches: tuple[str, int, int | None], key: str = "a", status: str = "succeeded") -> TaskBar:
    attempts = iter(range(1, 99))
    told = tuple(
        Segment(status=what, start=start, end=end, attempt=next(attempts) if what == "running" else None)
        for what, start, end in stretches
    )
    return TaskBar(task_id=len(key), key=key, stage="s", status=status, segments=told, usual=USUAL)


USUAL = UsualTime(median_ms=1, p90_ms=2, p95_ms=2, attempts=3)
RETRIED = bar(
    ("blocked", 0, 10), ("queued", 10, 20), ("running", 20, 40), ("retrying", 40, 60), ("running", 60, 100)
)
VIEW = TimelineView(job=JOB, bars=(RETRIED, bar(("running", 0, 1), key="bb")), critical=(1,))


def test_a_bar_has_a_sign_for_each_stretch_and_a_failed_attempt_says_so() -> None:
    assert bar_text(RETRIED, span=Range(0, 100), width=20) == "··░░███✗▒▒▒▒2███████"
    assert bar_text(bar(("running", 0, 50), status="failed"), span=Range(0, 100), width=10) == "████✗     "


def test_what_runs_is_seen_however_short_it_is() -> None:
    assert (
        bar_text(bar(("queued", 0, 99), ("running", 99, 99)), span=Range(0, 1_000), width=10) == "█         "
    )
    assert bar_text(bar(("running", 1_000, 1_000)), span=Range(0, 1_000), width=10).endswith("█")
    assert bar_text(bar(("running", 50, None)), span=Range(0, 100), width=4) == "  ██"
    assert len(set(MARKS.values())) == len(MARKS)


def test_the_slots_used_are_counted_at_each_place() -> None:
    drawn, peak = slots_text(VIEW, span=Range(0, 100), width=10)
    assert (drawn, peak) == ("█ ██  ████", 1)
    both = TimelineView(job=JOB, bars=(bar(("running", 0, 100)), bar(("running", 50, 100))), critical=())
    assert slots_text(both, span=Range(0, 100), width=4) == ("▄▄██", 2)


def test_words_say_the_same() -> None:
    assert story_text(RETRIED, now=200) == (
        "10ms for needs, 10ms for a slot, attempt 1 20ms failed, 20ms for its retry, attempt 2 40ms"
    )
    assert waited_text(VIEW, now=200) == "60ms running, 20ms for its retry, 10ms for a slot"
    assert story_text(bar(), now=1) == "nothing happened"


def test_a_timeline_is_as_wide_as_asked_and_ends_with_the_job() -> None:
    assert extent(VIEW, now=5_000) == (0, 100)
    lines = timeline_rows(VIEW, now=5_000, width=60, names=12)
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("* a")
    assert lines[2].startswith("  bb")
    assert lines[-1].startswith("  slots used")


def test_an_empty_timeline_is_drawn_too() -> None:
    empty = TimelineView(job=JOB, bars=(), critical=())
    assert slots_text(empty, span=extent(empty, now=9), width=3) == ("   ", 0)
    assert axis_text(span=Range(0, 60_000), width=24) == "0           30s         "


def test_a_tolerated_failure_and_a_last_task_are_marked() -> None:
    failed = replace(bar(("running", 0, 10), status="failed", key="soft"), tolerated=True)
    last = replace(bar(("running", 10, 20), key="clean"), is_finally=True)
    assert (bar_name(failed), bar_name(last)) == ("soft~", "clean (finally)")
    assert story_text(failed, now=20) == "attempt 1 10ms failed, tolerated"
    view = TimelineView(job=JOB, bars=(failed, last), critical=())
    lines = timeline_rows(view, now=100, width=60, names=18)
    assert lines[1].startswith("  soft~ ")
    assert lines[2].startswith("  clean (finally) ")


def test_the_legend_names_every_sign_and_fits_a_narrow_terminal() -> None:
    assert all(mark in LEGEND for mark in MARKS.values())
    assert len(LEGEND) < 80
