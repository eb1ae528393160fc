"""Where retention stands and what it never takes, read from a file.

Called by `doctor`, also where no engine runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.model.disk import StoreRoom
from core.model.retention import RetentionState
from core.model.status import JOB_FINAL
from core.model.values import INBOX
from core.store.database import INCREMENTAL
from core.store.readers import open_readonly
from core.store.sql import among, unpack

STATE = (
    "SELECT noticed_at, applied_at, applied_by, looked_at, looked_offset, looked_boot, passed_at, found"
    " FROM retention WHERE id = 1"
)
_STAYS = (
    "SELECT (SELECT count(*) FROM job INDEXED BY job_pinned WHERE pinned_at IS NOT NULL),"
    " (SELECT count(*) FROM task INDEXED BY task_pinned WHERE pinned_at IS NOT NULL),"
    " (SELECT count(*) FROM once_key WHERE lasts = 'ever'),"
    f" (SELECT count(*) FROM job INDEXED BY job_live WHERE NOT {among(JOB_FINAL)} AND id != {INBOX}"
    " AND status IN ('ending', 'paused', 'pending', 'running') AND created_at < ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepFacts:
    """What keeps a store small, and what it cannot take."""

    state: RetentionState
    room: StoreRoom
    pinned_jobs: int
    pinned_tasks: int
    keys_for_ever: int
    unended: int
    """Jobs that began before the moment that was asked for, and have not ended."""


def read_upkeep(path: Path, *, before: int) -> UpkeepFacts:
    """Return them of a store, with the jobs not ended that are older (ms UTC); raise as readers do."""
    with closing(open_readonly(path)) as db:
        room = [
            int(db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size", "auto_vacuum")
        ]
        row = db.execute(STATE).fetchone()
        jobs, tasks, keys, unended = db.execute(_STAYS, (before,)).fetchone()
    return UpkeepFacts(
        state=RetentionState() if row is None else state_of(row),
        room=store_room(room),
        pinned_jobs=jobs,
        pinned_tasks=tasks,
        keys_for_ever=keys,
        unended=unended,
    )


def state_of(row: Sequence[object]) -> RetentionState:
    """Read what `STATE` selects."""
    *times, text = row
    found = unpack(text) if isinstance(text, str) else {}
    names = RetentionState.__struct_fields__
    return RetentionState(**dict(zip(names, times, strict=False)), found=found)  # type: ignore[arg-type]


def store_room(figures: Sequence[int]) -> StoreRoom:
    """Return the room of a store, of its pages, those that are free, their size, and its mode."""
    pages, unused, size, mode = figures
    return StoreRoom(pages=pages, unused=unused, page_size=size, is_shrinking=mode == INCREMENTAL)
