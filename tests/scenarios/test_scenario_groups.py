"""A group over kills of its engines: made whole, decided once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.store.apply.groups.groups import LATE
from tests.support.aftermath import closed_once, finish, rows
from tests.support.engine_process import start_engine
from tests.support.waiting import until_now

ITEMS = 2_300
NEEDED = 2_100
WIDE: dict[str, Any] = {
    "name": "wide",
    "tasks": [
        {
            "key": "g",
            "uses": "delay",
            "for_each": ITEMS,
            "threshold": NEEDED,
            "with": {"seconds": 0},
        },
        {"key": "after", "uses": "delay", "needs": ["g"], "with": {"seconds": 0}},
    ],
}
ENDED = "SELECT count(*) FROM task WHERE group_task IS NOT NULL AND status = 'succeeded'"


def _seen(home: Path, sql: str) -> int:
    return int(rows(home, sql)[0][0]) if (home / "taskdeck.db").exists() else 0


@pytest.mark.parametrize("point", ["journal.applied:5", "journal.committed:6"])
async def test_a_group_is_made_whole_and_decided_once_whenever_its_engines_die(
    tmp_path: Path, point: str
) -> None:
    home = tmp_path / "home"
    start_engine(home, [WIDE], slots=50, crash=point, hold=True).wait()
    for share in (200, 900, 1_900):
        engine = start_engine(home, [WIDE], slots=50, hold=True)
        until_now(lambda share=share: _seen(home, ENDED) >= share, f"{share} instances have ended")
        engine.process.kill()
        engine.wait()
    (result,) = (await finish(home, [WIDE], slots=50)).values()
    assert (result.status, result.tasks) == ("succeeded", {"succeeded": 2})
    ((made, different),) = rows(
        home, "SELECT count(*), count(DISTINCT item) FROM task WHERE item IS NOT NULL"
    )
    assert (made <= ITEMS, made) == (True, different)
    assert _seen(home, ENDED) >= NEEDED
    decided = "SELECT count(*) FROM event e JOIN task t ON t.id = e.task_id WHERE t.key = 'g' AND e.kind IN"
    assert _seen(home, f"{decided} ('task.succeeded', 'task.failed')") == 1
    closed_once(home, result.id)


STORM = 300
"""Instances of a group whose engines die all the time."""
SLOTS = 20
DECIDED = "SELECT count(*) FROM task WHERE key = 'g' AND status IN ('succeeded', 'failed')"
OVER = "SELECT count(*) FROM job WHERE name = 'storm' AND finished_at IS NOT NULL"
TOLD = (
    "SELECT e.id, e.kind, coalesce(e.data, '{}'), t.item FROM event e JOIN task t ON t.id = e.task_id"
    " WHERE t.key = 'g' OR t.item IS NOT NULL ORDER BY e.id"
)


@pytest.mark.parametrize("after", ["cancel_rest", "run_all"])
async def test_a_share_of_a_group_is_met_once_and_never_early_in_a_storm_of_kills(
    tmp_path: Path, after: str
) -> None:
    home, group = tmp_path / "home", {"key": "g", "uses": "delay", "with": {"seconds": 0}}
    said = {"for_each": STORM, "threshold": "80%", "after": after}
    document = {"name": "storm", "tasks": [group | said]}
    home.mkdir(mode=0o700)
    # The poison rule would give an instance up that was running at three of the kills.
    (home / "config.toml").write_text("max_losses = 1000\n")
    lives = 0
    while lives == 0 or not _seen(home, DECIDED):
        # What an engine writes before anything else takes some commits; few are left for the group.
        _die(home, document, crash=f"journal.{('applied', 'committed')[lives % 2]}:{9 + lives % 5}")
        lives += 1
    _die(home, document, crash="journal.applied:9")
    assert lives > 2, "engines died before the group was decided"
    (result,) = (await finish(home, [document], slots=SLOTS)).values()
    assert result.status == "succeeded"
    _check_decision(home, needed=round(0.8 * STORM), runs_on=after == "run_all")


def _die(home: Path, document: dict[str, Any], *, crash: str) -> None:
    """Let an engine live until a point, or until there is nothing left to do."""
    engine = start_engine(home, [document], slots=SLOTS, crash=crash, hold=True)
    until_now(
        lambda: engine.process.poll() is not None or (engine.ready and _seen(home, OVER) == 1),
        "the engine dies",
    )
    engine.kill()


FINAL = ("task.succeeded", "task.failed", "task.cancelled")


def _check_decision(home: Path, *, needed: int, runs_on: bool) -> None:
    """Assert by the events that the last success that was needed decided, once, and what came after that."""
    told = [(number, kind, json.loads(data), item) for number, kind, data, item in rows(home, TOLD)]
    ((decided, _, decision, _),) = [event for event in told if event[3] is None and event[1] in FINAL]
    ends = {item: event for *event, item in told if item is not None and event[1] in FINAL}
    succeeded = {item: number for item, (number, kind, _) in ends.items() if kind == "task.succeeded"}
    before = {item for item, number in succeeded.items() if number < decided}
    late = succeeded.keys() - before
    cancelled = {item: data["reason"] for item, (_, kind, data) in ends.items() if kind == "task.cancelled"}
    # A batch ends no more attempts than there are slots, and that of the last success decides.
    assert needed <= len(before) < needed + SLOTS
    assert decision["output"]["succeeded"] == len(before)
    assert [kind for _, kind, _, item in told if item is not None].count("task.succeeded") == len(succeeded)
    assert {item for item in succeeded if ends[item][2].get("late")} == late
    marked = rows(home, "SELECT item FROM task WHERE item IS NOT NULL AND status_reason = ?", LATE)
    assert {item for (item,) in marked} == late
    assert all("its group g succeeded" in reason for reason in cancelled.values())
    statuses = dict(rows(home, "SELECT item, status FROM task WHERE item IS NOT NULL"))
    assert statuses == dict.fromkeys(succeeded, "succeeded") | dict.fromkeys(cancelled, "cancelled")
    # What runs on succeeds, late; of the others those are cancelled that have not begun.
    assert (len(succeeded) == STORM, not cancelled) == (runs_on, runs_on)
    assert late or not runs_on
