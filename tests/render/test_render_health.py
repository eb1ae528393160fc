"""Health as lines: the worst first, each with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from core.model.backend_checks import Check, CheckChange, CheckStatus, CheckView, LastLook, Look, TcpTarget
from core.model.health import (
    EngineHealth,
    HealthState,
    HealthView,
    Lines,
    LoopBlock,
    Measure,
    MeasureView,
    Unit,
)
from core.model.timing.schedule_views import Downtime
from core.model.views import ClaimsClosed
from core.model.waits import EngineFacts
from core.render.health_lines import health_shape, lines_text, subject_lines, value_text, worst_of

OK, WARNING, CRITICAL = HealthState
NOW = 1_700_000_000_000
SERVING = EngineFacts(state="serving", slots=4, running=1)
DISK = MeasureView(
    measure=Measure.DISK, value=5e8, state=WARNING, since=NOW - 9, lines=Lines(soft=1e9, hard=1e8)
)
LOOP = MeasureView(measure=Measure.LOOP, value=3, state=OK, since=NOW)
BLOCK = LoopBlock(at=NOW - 2_000, ms=700, stack=("a.py:1 in main", "a.py:2 in spin: spin()"))


def checked(status: CheckStatus, *, last: LastLook | None = None) -> CheckView:
    change = CheckChange(at=NOW - 5, status=status, reason="connection refused", took_ms=1)
    return CheckView(
        backend="api", check=Check(target=TcpTarget(host="a", port=1)), changes=(change,), last=last
    )


def known(**more: Any) -> EngineHealth:
    return EngineHealth(**{"started_at": NOW - 60_000, "sampled_at": NOW, **more})


def view(**more: Any) -> HealthView:
    return HealthView(**{"at": NOW, "engine": SERVING, **more})


@pytest.mark.parametrize(
    ("more", "subject", "state", "text"),
    [
        ({}, "engine", OK, "serving, 1 of 4 slots taken"),
        ({"engine": EngineFacts(state="draining")}, "engine", WARNING, "draining, 0 of 0 slots taken"),
        ({"engine": EngineFacts()}, "engine", OK, "no engine is running"),
        (
            {"engine": EngineFacts(), "tasks": {"queued": 2, "failed": 9}},
            "engine",
            WARNING,
            "no engine is running; 2 tasks wait for one",
        ),
        (
            {"engine": EngineFacts(state="silent")},
            "engine",
            CRITICAL,
            "an engine owns the store",
        ),
        ({"known": known(is_collector_lost=True)}, "collector", CRITICAL, "the process that collects"),
        ({"checks": (checked(CheckStatus.DOWN),)}, "backend api", CRITICAL, "down: connection refused (a:1)"),
        ({"checks": (checked(CheckStatus.SLOW),)}, "backend api", WARNING, "slow: connection refused"),
        (
            {
                "checks": (
                    checked(
                        CheckStatus.UP,
                        last=LastLook(
                            at=NOW,
                            look=Look(answered=False, took_ms=1, text="no answer within 5s"),
                            toward=CheckStatus.DOWN,
                            seen=1,
                            wanted=2,
                        ),
                    ),
                )
            },
            "backend api",
            OK,
            "up: no answer: no answer within 5s; 1 of 2 looks in a row say down (a:1)",
        ),
        ({"known": known(measures=(DISK,))}, "disk", WARNING, "500.0 MB free where the data directory is"),
        ({"measures": (DISK,)}, "disk", WARNING, "500.0 MB free where the data directory is"),
        (
            {"known": known(measures=(LOOP,), block=BLOCK)},
            "loop",
            WARNING,
            "its longest turn lately took 3ms; it was blocked for 700ms at 2023-11-14T22:13:18.000Z: a.py:2",
        ),
        ({"lost": 2, "tasks": {"held": 3}}, "tasks", WARNING, "2 are held because the end of their attempt"),
        ({"tasks": {"held": 3}}, "tasks", OK, "3 are held by operators"),
        ({"is_frozen": True}, "spending", WARNING, "all spending is stopped"),
        ({"spent_budgets": 1}, "budgets", WARNING, "1 budget is spent"),
        ({"shut": ("api", "b.example")}, "breakers", WARNING, "shut or tried out: api, b.example"),
        ({"overdue": 2, "overdue_since": NOW}, "schedules", CRITICAL, "2 should have fired"),
        (
            {"downtime": Downtime(since=NOW, fires=7, schedules=1), "overdue": 1},
            "schedules",
            CRITICAL,
            "no engine since ",
        ),
        (
            {"silent": ("schedule weekly", "workflow x")},
            "silence",
            CRITICAL,
            "no success in time: schedule weekly, workflow x",
        ),
        ({"missed": 3}, "schedules", WARNING, "3 times were missed within a day"),
        ({"schedules": 3}, "schedules", OK, "3 will fire"),
    ],
)
def test_each_subject_has_a_line(more: dict, subject: str, state: HealthState, text: str) -> None:
    (line,) = [one for one in subject_lines(view(**more)) if one.subject == subject]
    assert (line.state, line.text[: len(text)]) == (state, text)
    assert line.hint == "" or line.state is not OK


def test_the_worst_is_first_and_is_the_whole() -> None:
    lines = subject_lines(view(known=known(measures=(LOOP, DISK)), checks=(checked(CheckStatus.DOWN),)))
    assert [line.subject for line in lines] == ["backend api", "disk", "engine", "loop"]
    assert worst_of(lines) is CRITICAL
    assert lines_text(lines[1]) == "soft 1.0 GB, hard 100.0 MB"


def test_claims_that_are_closed_are_critical() -> None:
    closed = ClaimsClosed(code="store.full", message="the disk is full", hint="free some room", since=NOW)
    engine = EngineFacts(state="serving", closed=(closed,))
    (line,) = subject_lines(view(engine=engine))
    assert (line.state, line.text, line.hint) == (
        CRITICAL,
        "nothing is claimed: the disk is full",
        "free some room",
    )


def test_what_hangs_long_ago_is_no_warning_any_more() -> None:
    old = LoopBlock(at=NOW - 3_600_000, ms=700, stack=())
    lines = subject_lines(view(known=known(measures=(LOOP,), block=old)))
    assert worst_of(lines) is OK


def test_monitors_get_the_state_as_a_number() -> None:
    shape = health_shape(view(checks=(checked(CheckStatus.DOWN),), known=known(block=BLOCK)))
    assert (shape["state"], shape["exit"]) == ("critical", 2)
    assert shape["blocked"]["stack"] == list(BLOCK.stack)
    assert shape["backends"][0]["changes"][0]["status"] == "down"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.034, Unit.SHARE, "3.4%"),
        (0.5, Unit.SHARE, "50%"),
        (1_500, Unit.MS, "1.5s"),
        (2, Unit.RATIO, "2.00"),
    ],
)
def test_a_value_is_written_in_its_unit(value: float, unit: Unit, text: str) -> None:
    assert value_text(value, unit) == text
