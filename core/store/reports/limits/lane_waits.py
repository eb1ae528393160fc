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
COUNTED_MAX = 10_000
"""Tasks that are counted at once, as many of each group."""

_IS_LIMITED = (
    "(SELECT EXISTS (SELECT 1 FROM gset) OR EXISTS (SELECT 1 FROM pool WHERE removed_at IS NULL"
    " AND (paused_at IS NOT NULL OR coalesce(changed->>'queues', body->>'queues', '[]') != '[]')))"
)
# Of an aisle the lanes that a claim looks at, and those that are too dear for what is left.
_SHUT = ("l.shut_by IS NULL", "l.shut_by > 0")
# Those whose lanes are all empty have no head; one without an open lane has none either.
_HAS_ANY = ("aisle.head_key IS NOT NULL", "true")
_INDEXES = ("lane_head", "lane_shut")
_GROUPS = text(
    " UNION ALL ".join(
        f"SELECT aisle.queue, aisle.id AS aisle, {number} AS is_dear, x.id AS lane,"
        " x.head_id AS head, x.head_key AS key"
        " FROM aisle JOIN queue q ON q.name = aisle.queue AND q.paused_at IS NULL JOIN lane x ON x.id = ("
        f" SELECT l.id FROM lane l INDEXED BY {index} CROSS JOIN job j ON j.id = l.job_id"
        f" WHERE l.aisle_id = aisle.id AND l.head_key IS NOT NULL AND l.shut_by IS {null} AND {shut}"
        f" AND j.status != 'paused' ORDER BY l.head_key LIMIT 1) WHERE {has_any} AND {_IS_LIMITED}"
        for number, (index, shut, null, has_any) in enumerate(
            zip(_INDEXES, _SHUT, ("NULL", "NOT NULL"), _HAS_ANY, strict=True)
        )
    )
    + f" ORDER BY 6 LIMIT {GROUPS_MAX}"
)
# The first reason of each task, and then what each gauge keeps a task back for.
_CODES = text(
    f"SELECT task.id, {WAIT_CODE} AS code, 0 AS of_gauge, NULL AS name, NULL AS key, NULL AS until"
    " FROM json_each(:ids) x CROSS JOIN task ON task.id = x.value"
    f" UNION ALL SELECT id, code, 1, name, key, until FROM ({REFUSALS}) WHERE code IS NOT NULL"
)
_COUNTS = text(
    " UNION ALL ".join(
        f"SELECT x.value AS aisle, {number} AS is_dear, (SELECT count(*) FROM ("
        f"SELECT 1 FROM lane l INDEXED BY {index} CROSS JOIN job j ON j.id = l.job_id"
        " AND j.status != 'paused' CROSS JOIN task t INDEXED BY task_claim ON t.lane_id = l.id"
        " AND t.status = 'queued' WHERE l.aisle_id = x.value AND l.head_key IS NOT NULL"
        f" AND {shut} LIMIT :most)) AS n"
        f" FROM json_each(:aisles_{number}) x"
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


class _Size(NamedTuple):
    """How many tasks of a group were counted, and whether these are all."""

    tasks: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWait:
    """Tasks of one queue that pools or limits keep back; `lane` has the next of them."""

    kind: WaitKind
    subject: str
    queue: str
    tasks: int
    lane: int
    until: int | None = None


class _Cause(NamedTuple):
    """What keeps a task back; `until` = when (ms UTC) that ends by itself."""

    kind: WaitKind
    subject: str
    until: int | None = None


async def read_lane_waits(db: AsyncConnection, queued: Mapping[str, int]) -> tuple[LaneWait, ...]:
    """Return what keeps tasks back of queues that are not paused; the others wait for slots.

    `queued` = how many tasks of each queue, without those of paused jobs. All tasks of a group count as its
    first. Groups that are too large to be counted share the rest of their queue.
    """
    if not queued:
        return ()
    groups = [_Group(*row) for row in (await db.execute(_GROUPS)).all()]
    causes = await _causes(db, groups) if groups else {}
    if not causes:
        return ()
    kept_back = {group.queue for group in groups if group.head in causes}
    looked = [group for group in groups if group.queue in kept_back]
    sizes = await _sizes(db, looked)
    found: list[LaneWait] = []
    for queue, some in groupby(sorted(looked), key=lambda group: group.queue):
        of_queue = sorted(some, key=lambda group: group.key)
        found += _of_queue(of_queue, causes, sizes, total=queued.get(queue, 0))
    return tuple(found)


async def _sizes(db: AsyncConnection, groups: Sequence[_Group]) -> dict[_Group, _Size]:
    """Count the tasks of groups; those that are larger than their share are counted once more, further."""
    most = COUNTED_MAX // len(groups)
    sizes = await _count(db, groups, most=most)
    larger = [group for group, size in sizes.items() if not size.is_whole]
    if 0 < len(larger) <= len(groups) // 2:
        sizes |= await _count(db, larger, most=COUNTED_MAX // len(larger))
    return sizes


async def _count(db: AsyncConnection, groups: Sequence[_Group], *, most: int) -> dict[_Group, _Size]:
    aisles: tuple[list[int], list[int]] = ([], [])
    for group in groups:
        aisles[group.is_dear].append(group.aisle)
    bound = {"aisles_0": ids(aisles[0]), "aisles_1": ids(aisles[1]), "most": most + 1}
    counts = {tuple(where): number for *where, number in (await db.execute(_COUNTS, bound)).all()}
    numbers = {group: counts[group.aisle, group.is_dear] for group in groups}
    return {group: _Size(tasks=number, is_whole=number <= most) for group, number in numbers.items()}


def _of_queue(
    groups: Sequence[_Group],
    causes: Mapping[int, _Cause],
    sizes: Mapping[_Group, _Size],
    *,
    total: int,
) -> list[LaneWait]:
    tasks = {group: sizes[group].tasks for group in groups}
    larger = [group for group in groups if not sizes[group].is_whole]
    rest = max(0, total - sum(tasks.values()))
    for number, group in enumerate(larger):
        # As even as whole numbers are; the first have one more.
        tasks[group] += (rest + len(larger) - 1 - number) // len(larger)
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
    codes: dict[int, str] = {}
    told: dict[tuple[int, str], list[_Cause]] = defaultdict(list)
    for task, code, of_gauge, name, key, until in (await db.execute(_CODES, bound)).all():
        if of_gauge:
            told[task, code].append(_Cause(_KINDS[code], _label(name, key), until))
        elif code in _KINDS:
            codes[task] = code
    queues = {group.head: group.queue for group in groups}
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
