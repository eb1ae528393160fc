"""Keys under which one task is created: who has them.

Called by the submissions and the reruns, within the transaction that creates or starts the tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.model.limits.once import EVER, UNFINISHED, Once
from core.model.status import TASK_FINAL
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import among, ids, member, pack

IS_TAKEN = (
    "(t.status IS NOT 'skipped' AND CASE k.lasts WHEN 'ever' THEN 1 WHEN 'timed' THEN k.free_at > {now}"
    f" ELSE t.id IS NOT NULL AND NOT ({among(TASK_FINAL, 't.status')}) END)"
)
"""Whether a key `k` is taken by its task `t`, which may be gone; a skipped one has done nothing."""
_HOLDER = (
    "SELECT k.task_id, t.job_id FROM once_key k LEFT JOIN task t ON t.id = k.task_id"
    f" WHERE k.key = ? AND {IS_TAKEN.format(now='?')}"
)
_TAKE = (
    "INSERT INTO once_key (key, task_id, lasts, free_at, taken_at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET task_id = excluded.task_id, lasts = excluded.lasts,"
    " free_at = excluded.free_at, taken_at = excluded.taken_at"
)
_SAID = (
    "SELECT id, spec->'$.once.key', spec->>'$.once.for', spec->>'$.once.ms' FROM task"
    f" WHERE id IN (SELECT value FROM json_each(?)) AND {member('spec', '$.once')} IS NOT NULL ORDER BY id"
)


class Holder(NamedTuple):
    """The task that has a key; its job is None where the task is gone."""

    task_id: int
    job_id: int | None


class OnceKeys:
    """The keys that one command takes; the tasks that it creates are not in the store yet."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._mine: dict[str, Holder] = {}
        self._refused: Counter[tuple[Holder, str]] = Counter()

    def take(self, once: Once | None, task_id: int, *, job_id: int) -> int | None:
        """Take the key of a task that is being created; return the task that has it already, if any."""
        if once is None:
            return None
        holder = self._mine.get(once.key) or _holder(self._batch, pack(once.key))
        if holder is not None:
            self._refused[holder, once.key] += 1
            return holder.task_id
        _take(self._batch, pack(once.key), task_id, lasts=str(once.for_), ms=once.ms)
        self._mine[once.key] = Holder(task_id, job_id)
        return None

    def tell(self, *, actor: str) -> None:
        """Note at the tasks that have the keys how many others were not created for it."""
        for (holder, key), times in self._refused.items():
            note: JsonObject = {"key": key, "times": times}
            self._batch.event("once.refused", Subject(holder.job_id, holder.task_id), actor=actor, data=note)


def take_again(batch: Batch, task_ids: Sequence[int]) -> Mapping[int, int]:
    """Take the keys of tasks that are to run again; return those whose key another has, and which task."""
    refused: dict[int, int] = {}
    mine: dict[str, int] = {}
    for task_id, key, lasts, ms in batch.rows(_SAID, ids(task_ids)):
        holder = _holder(batch, key)
        other = mine.get(key) or (holder.task_id if holder is not None else None)
        if other is None:
            _take(batch, key, task_id, lasts=lasts, ms=ms)
        elif other != task_id:
            refused[task_id] = other
            continue
        mine[key] = task_id
    return refused


def _holder(batch: Batch, key: str) -> Holder | None:
    row = batch.one(_HOLDER, key, batch.now)
    return None if row is None else Holder(*row)


def _take(batch: Batch, key: str, task_id: int, *, lasts: str, ms: int | None) -> None:
    kind = lasts if lasts in (UNFINISHED, EVER) else "timed"
    free_at = None if ms is None else batch.now + ms
    batch.run(_TAKE, key, task_id, kind, free_at, batch.wall)
