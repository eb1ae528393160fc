"""Hold the history of a store to the table of moves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from core.model.events import MARKS
from core.model.status import JOB_MOVES, STAGE_MOVES, TASK_MOVES, Move
from core.model.values import INBOX, INBOX_STAGE


def illegal_moves(db: sqlite3.Connection) -> list[str]:
    """Return the events that the table of moves does not allow where they stand, oldest first."""
    seen: dict[tuple[str, int], set[str]] = {("job", INBOX): {"running"}, ("stage", INBOX_STAGE): {"open"}}
    for (number,) in db.execute("SELECT id FROM stage WHERE position > 0"):
        seen["stage", number] = {"pending"}
    found: list[str] = []
    for number, kind, job_id, task_id, data in db.execute(
        "SELECT id, kind, job_id, task_id, data FROM event ORDER BY id"
    ):
        noun = kind.partition(".")[0]
        values = json.loads(data or "{}")
        moves = _MOVES.get(noun)
        if moves is None or kind in MARKS:
            continue
        key = (noun, {"job": job_id, "stage": values.get("stage"), "task": task_id}[noun])
        if key not in seen:
            # What was just made: it carries its status, or is the first stage of a job.
            seen[key] = {values.get("status", "open")}
            continue
        following = {str(move.target) for move in moves if move.event == kind and move.sources & seen[key]}
        if values.get("from") not in seen[key]:
            found.append(f"event {number}: {kind} of {noun} {key[1]} says from {values.get('from')}")
        if not following:
            found.append(f"event {number}: {kind} of {noun} {key[1]} from {sorted(seen[key])}")
        seen[key] = following
    return found


_MOVES: dict[str, Iterable[Move]] = {"job": JOB_MOVES, "stage": STAGE_MOVES, "task": TASK_MOVES}
