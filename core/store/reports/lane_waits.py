"""Lane waits: what pools and limits keep queued tasks back for.

Used by the wait reasons of the pulse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.pulse import WaitKind
from core.model.waits import OF_LIMITS, WaitCode
from core.store.sql import ids
from core.store.wait_codes import REFUSALS, WAIT_CODE

GROUPS_MAX = 128
"""Groups of lanes, those whose turn is next, of which the first task is judged."""
COUNTED_MAX = 2_000
"""Tasks of one group that are counted."""

_IS_LIMITED = text(
    "SELECT EXISTS (SELECT 1 FROM gset) OR EXISTS (SELECT 1 FROM pool WHERE removed_at IS NULL"
    " AND (paused_at IS NOT NULL OR coalesce(changed->>'queues', body->>'queues', '[]') != '[]'))"
)
# Of an aisle the lanes that a claim looks at, and those that are too dear for what is left.
_SHUT = ("l.shut_by IS NULL", "l.shut_by > 0")
_INDEXES = ("lane_head", "lane_shut")
_GROUPS = text(
    " UNION ALL ".join(
        f"SELECT a.queue, a.id AS aisle, {number} AS is_dear, x.id AS lane,"
        " x.head_id AS head, x.head_key AS key"
        " FROM aisle a JOIN queue q ON q.name = a.queue AND q.paused_at IS NULL JOIN lane x ON x.id = ("
        f" SELECT l.id FROM lane l INDEXED BY {index} CROSS JOIN job j ON j.id = l.job_id"
        f" WHERE l.aisle_id = a.id AND l.head_key IS NOT NULL AND l.shut_by IS {null} AND {shut}"
        " AND j.status != 'paused' ORDER BY l.head_key LIMIT 1)"
        for number, (index, shut, null) in enumerate(zip(_INDEXES, _SHUT, ("NULL", "NOT NULL"), strict=True))
    )
    + f" ORDER BY 6 LIMIT {GROUPS_MAX}"
)
_CODES = text(
    f"SELECT task.id, {WAIT_CODE} AS code FROM json_each(:ids) x CROSS JOIN task ON task.id = x.value"
)
_REFUSALS = text(REFUSALS)
_COUNTS = text(
    " UNION ALL ".join(
        f"SELECT x.value AS aisle, {number} AS is_dear, (SELECT count(*) FROM ("
        f"SELECT 1 FROM lane l INDEXED BY {index} CROSS JOIN job j ON j.id = l.job_id"
        " AND j.status != 'paused' CROSS JOIN task t INDEXED BY task_claim ON t.lane_id = l.id"
        " AND t.status = 'queued' WHERE l.aisle_id = x.value AND l.head_key IS NOT NULL"
        f" AND {shut} LIMIT :most)) AS n"
        " FROM json_each(:aisles) x"
        for number, (index, shut) in enumerate(zip(_INDEXES, _SHUT, strict=True))
    )
)
_KINDS = {
    code.value: WaitKind(code.value)
    for code in (WaitCode.NO_POOL, WaitCode.POOL_PAUSED, *OF_LIMITS)
    if code is not WaitCode.BEHIND
}


class _Group(NamedTuple):
    """The lanes of an aisle that are open, or those too dear; `lane` = the first, `head` its first task."""

    queue: str
    aisle: int
    is_dear: int
    lane: int
    head: int
    key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWait:
    """Tasks of one queue that pools or limits keep back; `lane` has the next of them."""

    kind: WaitKind
    subject: str
    queue: str
    tasks: int
    lane: int
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    kind: WaitKind
    subject: str
    until: int | None = None


async def read_lane_waits(db: AsyncConnection, queued: Mapping[str, int]) -> tuple[LaneWait, ...]:
    """Return what keeps tasks back of queues that are not paused; the others wait for slots.

    `queued` = how many tasks of each queue, without those of paused jobs. All tasks of a group count as its
    first. Each is counted as far as `COUNTED_MAX`, and the first of a queue that is larger has the rest.
    """
    if not queued or not (await db.execute(_IS_LIMITED)).scalar():
        return ()
    groups = [_Group(*row) for row in await db.execute(_GROUPS)]
    causes = await _causes(db, groups)
    if not causes:
        return ()
    kept_back = {group.queue for group in groups if group.head in causes}
    looked = [group for group in groups if group.queue in kept_back]
    bound = {"aisles": ids(sorted({group.aisle for group in looked})), "most": COUNTED_MAX}
    counts = {(row.aisle, row.is_dear): int(row.n) for row in await db.execute(_COUNTS, bound)}
    found: list[LaneWait] = []
    for queue, some in groupby(sorted(looked), key=lambda group: group.queue):
        of_queue = sorted(some, key=lambda group: group.key)
        found += _of_queue(of_queue, causes, counts, total=queued.get(queue, 0))
    return tuple(found)


def _of_queue(
    groups: Sequence[_Group],
    causes: Mapping[int, _Cause],
    counts: Mapping[tuple[int, int], int],
    *,
    total: int,
) -> list[LaneWait]:
    tasks = {group: counts[group.aisle, group.is_dear] for group in groups}
    largest = next((group for group in groups if tasks[group] >= COUNTED_MAX), None)
    if largest is not None:
        tasks[largest] += max(0, total - sum(tasks.values()))
    return [
        LaneWait(
            kind=cause.kind,
            subject=cause.subject,
            queue=group.queue,
            tasks=tasks[group],
            lane=group.lane,
            until=cause.until,
        )
        for group in groups
        if (cause := causes.get(group.head)) is not None
    ]


async def _causes(db: AsyncConnection, groups: Sequence[_Group]) -> dict[int, _Cause]:
    """Return what keeps the first task of each group back, by the task."""
    bound = {"ids": ids(sorted(group.head for group in groups))}
    codes = {row.id: row.code for row in await db.execute(_CODES, bound) if row.code in _KINDS}
    if not codes:
        return {}
    queues = {group.head: group.queue for group in groups}
    told: dict[tuple[int, str], list[_Cause]] = defaultdict(list)
    for row in await db.execute(_REFUSALS, bound):
        if row.code is not None:
            kind = _KINDS[row.code]
            told[row.id, row.code].append(
                _Cause(kind=kind, subject=_label(row.name, row.key), until=row.until)
            )
    found = {}
    for task, code in codes.items():
        if code in (WaitCode.NO_POOL, WaitCode.POOL_PAUSED):
            found[task] = _Cause(kind=_KINDS[code], subject=queues[task])
        elif code == WaitCode.FROZEN:
            found[task] = _Cause(kind=WaitKind.FROZEN, subject="")
        else:
            found[task] = told[task, code][0] if told[task, code] else _Cause(kind=_KINDS[code], subject="")
    return found


def _label(name: str, key: str) -> str:
    """Return what operators call a gauge: `db`, `host=db1`, the backend, or the host of http calls."""
    word, mark, of = name.partition(":")
    if mark and word in ("backend", "retry"):
        return of
    if mark and key:
        return key
    return f"{name}={key}" if key else name
