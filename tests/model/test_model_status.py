"""The table of moves, exhaustively: every pair of status and move."""

from __future__ import annotations

from enum import StrEnum

import pytest

from core.model.events import BIRTHS as BIRTH_KINDS
from core.model.events import KINDS, MARKS, MOVED
from core.model.status import (
    ATTEMPT,
    ATTEMPT_FINAL,
    ATTEMPT_MOVES,
    JOB,
    JOB_FINAL,
    JOB_MOVES,
    STAGE,
    STAGE_FINAL,
    STAGE_MOVES,
    TASK,
    TASK_FINAL,
    TASK_MOVES,
    AttemptStatus,
    JobStatus,
    Move,
    StageStatus,
    TaskStatus,
)
from tests.pages.state_diagram import BIRTHS
from tests.support.tables import each

NOUNS = ("job", "stage", "task", "attempt")
STATUSES: dict[str, type[StrEnum]] = {
    "job": JobStatus,
    "stage": StageStatus,
    "task": TaskStatus,
    "attempt": AttemptStatus,
}
MOVES: dict[str, tuple[Move, ...]] = {
    "job": JOB_MOVES,
    "stage": STAGE_MOVES,
    "task": TASK_MOVES,
    "attempt": ATTEMPT_MOVES,
}
FINALS = {"job": JOB_FINAL, "stage": STAGE_FINAL, "task": TASK_FINAL, "attempt": ATTEMPT_FINAL}
BY_NAME = {"job": JOB, "stage": STAGE, "task": TASK, "attempt": ATTEMPT}
BACK = {
    "job": {"reopen"},
    "stage": {"reopen", "reopen_pending"},
    "task": {"rerun", "rerun_blocked", "rerun_waiting"},
    "attempt": set(),
}
LIVE_TASK = "blocked queued running retrying waiting held"

# What the design says, written down a second time: move -> (sources, target, event).
LAW = {
    "job": {
        "start": ("pending", "running", "job.running"),
        "pause": ("pending running", "paused", "job.paused"),
        "resume": ("paused", "running", "job.running"),
        "resume_unstarted": ("paused", "pending", "job.pending"),
        "verdict": ("pending running paused", "ending", "job.ending"),
        "end_failed": ("ending", "failed", "job.failed"),
        "end_cancelled": ("ending", "cancelled", "job.cancelled"),
        "succeed": ("running paused", "succeeded", "job.succeeded"),
        "reopen": ("succeeded failed cancelled", "running", "job.running"),
    },
    "stage": {
        "open": ("pending", "open", "stage.open"),
        "close_succeeded": ("pending open", "succeeded", "stage.succeeded"),
        "close_failed": ("pending open", "failed", "stage.failed"),
        "close_cancelled": ("pending open", "cancelled", "stage.cancelled"),
        "close_skipped": ("pending open", "skipped", "stage.skipped"),
        "reopen": ("succeeded failed cancelled skipped", "open", "stage.open"),
        "reopen_pending": ("succeeded failed cancelled skipped", "pending", "stage.pending"),
    },
    "task": {
        "unblock": ("blocked", "queued", "task.queued"),
        "claim": ("queued", "running", "task.claimed"),
        "succeed": ("running", "succeeded", "task.succeeded"),
        "retry_later": ("running", "retrying", "task.retry_scheduled"),
        "come_due": ("retrying", "queued", "task.queued"),
        "give_up": ("running queued blocked held", "failed", "task.failed"),
        "bounce": ("running", "queued", "task.bounced"),
        "interrupt": ("running", "queued", "task.interrupted"),
        "park": ("running", "waiting", "task.parked"),
        "wake": ("waiting", "queued", "task.queued"),
        "await_answer": ("blocked", "waiting", "task.waiting"),
        "answer_succeeded": ("waiting", "succeeded", "task.succeeded"),
        "answer_failed": ("waiting", "failed", "task.failed"),
        "answer_skipped": ("waiting", "skipped", "task.skipped"),
        "succeed_empty": ("blocked", "succeeded", "task.succeeded"),
        "await_worklet": ("running", "waiting", "task.waiting"),
        "hold": ("queued retrying waiting", "held", "task.held"),
        "hold_lost": ("running", "held", "task.held"),
        "unhold": ("held", "queued", "task.queued"),
        "unhold_later": ("held", "retrying", "task.retry_scheduled"),
        "unhold_waiting": ("held", "waiting", "task.waiting"),
        "cancel": (LIVE_TASK, "cancelled", "task.cancelled"),
        "skip": ("blocked", "skipped", "task.skipped"),
        "skip_by_exit": ("running", "skipped", "task.skipped"),
        "rerun": ("succeeded failed cancelled skipped", "queued", "task.rerun"),
        "rerun_blocked": ("succeeded failed cancelled skipped", "blocked", "task.rerun"),
        "rerun_waiting": ("succeeded failed cancelled skipped", "waiting", "task.rerun"),
    },
    "attempt": {
        "succeed": ("running", "succeeded", ""),
        "fail": ("running", "failed", "attempt.failed"),
        "time_out": ("running", "timed_out", "attempt.timed_out"),
        "cancel": ("running", "cancelled", "attempt.cancelled"),
        "lose": ("running", "lost", "attempt.lost"),
        "interrupt": ("running", "interrupted", ""),
        "bounce": ("running", "bounced", ""),
        "park": ("running", "parked", ""),
    },
}
PAIRS = [(noun, status, move) for noun in NOUNS for status in STATUSES[noun] for move in LAW[noun]]


@each(("noun", "status", "move"), PAIRS)
def test_a_move_is_legal_exactly_from_the_statuses_of_the_design(
    noun: str, status: StrEnum, move: str
) -> None:
    sources, target, event = LAW[noun][move]
    found = BY_NAME[noun][move]
    assert (status in found.sources) == (status in sources.split())
    assert (found.target, found.event) == (target, event)


@pytest.mark.parametrize("noun", NOUNS)
def test_the_table_has_no_move_beyond_the_design(noun: str) -> None:
    names = [move.name for move in MOVES[noun]]
    assert sorted(names) == sorted(LAW[noun])
    assert list(BY_NAME[noun]) == names


@pytest.mark.parametrize("noun", NOUNS)
def test_only_reruns_lead_out_of_a_final_status(noun: str) -> None:
    ways_out = {move.name for move in MOVES[noun] if move.sources & FINALS[noun]}
    assert ways_out == BACK[noun]
    assert all(move.sources == FINALS[noun] for move in MOVES[noun] if move.name in BACK[noun])


@pytest.mark.parametrize("noun", NOUNS)
def test_every_status_is_reached_from_birth_and_can_end(noun: str) -> None:
    reached = set(BIRTHS[noun])
    for _ in MOVES[noun]:
        reached |= {move.target for move in MOVES[noun] if move.sources & reached}
    assert reached == set(STATUSES[noun])
    ending = set(FINALS[noun])
    for _ in MOVES[noun]:
        ending |= {source for move in MOVES[noun] if move.target in ending for source in move.sources}
    assert ending == set(STATUSES[noun])


@pytest.mark.parametrize("noun", NOUNS)
def test_no_move_stays_where_it_is(noun: str) -> None:
    assert [move.name for move in MOVES[noun] if move.target in move.sources] == []


@pytest.mark.parametrize("noun", NOUNS)
def test_events_of_moves_are_named_after_their_noun(noun: str) -> None:
    assert all(move.event.startswith(f"{noun}.") for move in MOVES[noun] if move.event)


def test_kinds_are_births_moves_and_marks_each_once() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert set(KINDS) == {*BIRTH_KINDS, *MOVED, *MARKS}
    assert {move.event for moves in MOVES.values() for move in moves if move.event} == set(MOVED)


def test_only_a_counted_or_cancelled_attempt_has_an_event_of_its_own() -> None:
    assert {kind for kind in KINDS if kind.startswith("attempt.")} == {
        "attempt.failed",
        "attempt.timed_out",
        "attempt.lost",
        "attempt.cancelled",
    }
