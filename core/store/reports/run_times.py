"""What is usual of tasks: run times, and costs from the ledger.

Read by the control, for what runs, for the page of a task and for predictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.run_times import Usual, UsualCost, UsualTime, usual_cost, usual_time
from core.store.derived import RUN_TIME_KEY
from core.store.predicates import bound
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import ids, pack
from core.store.tables.schema import run_time
from core.store.usual_costs import COSTS, UnitAmount, by_unit

TASKS_MAX = 100
"""Tasks that are answered for at once; a list has the usual times of its first ones that run."""

KEYS_MAX = 1_000
"""Tasks of a workflow that are answered for at once."""

_TIMES = text(
    "SELECT x.value AS id, group_concat(r.ms) AS times FROM json_each(:ids) x CROSS JOIN task t"
    " ON t.id = x.value AND t.job_id > 1 CROSS JOIN job j ON j.id = t.job_id"
    f" CROSS JOIN run_time r ON r.workflow = j.name AND r.key = {RUN_TIME_KEY} GROUP BY x.value"
)

Named = tuple[str, str]
"""A task of a workflow, by both names."""

_NAMED_TIMES = text(
    "SELECT r.workflow, r.key, group_concat(r.ms) AS times FROM json_each(:named) x CROSS JOIN run_time r"
    " ON r.workflow = x.value->>0 AND r.key = x.value->>1 GROUP BY r.workflow, r.key"
)
_NAMED_COSTS = text(COSTS.format(named=":named"))


async def read_usual(db: AsyncConnection, named: Iterable[Named]) -> dict[Named, Usual]:
    """Return what is usual of tasks of workflows, of those of which anything is."""
    distinct = list(dict.fromkeys(named))
    times = await read_usual_times(db, distinct)
    costs = _costs((await db.execute(_NAMED_COSTS, {"named": _packed(distinct)})).all())
    both = dict.fromkeys((*times, *costs))
    return {one: Usual(time=times.get(one), costs=costs.get(one, {})) for one in both}


async def read_usual_times(db: AsyncConnection, named: Iterable[Named]) -> dict[Named, UsualTime]:
    """Return how long tasks of workflows usually take, of those of which that is known."""
    found: dict[Named, UsualTime] = {}
    for row in await db.execute(_NAMED_TIMES, {"named": _packed(named)}):
        usual = usual_time([int(ms) for ms in row.times.split(",")])
        if usual is not None:
            found[row.workflow, row.key] = usual
    return found


def _packed(named: Iterable[Named]) -> str:
    return pack([[*one] for one in named])


def _costs(rows: Sequence[AnyRow]) -> dict[Named, dict[str, UsualCost]]:
    spent: dict[Named, list[UnitAmount]] = {}
    for row in rows:
        spent.setdefault((row.workflow, row.key), []).append(UnitAmount(row.unit, row.amount))
    found: dict[Named, dict[str, UsualCost]] = {}
    for named, told in spent.items():
        for unit, amounts in by_unit(told).items():
            usual = usual_cost(amounts)
            if usual is not None:
                found.setdefault(named, {})[unit] = usual
    return found


class RunTimeReports:
    """How long the last attempts of tasks took."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_workflow(self, workflow: str) -> dict[str, UsualTime]:
        """Return what is usual for the tasks of a workflow, by key."""
        query = (
            select(run_time.c.key, func.group_concat(run_time.c.ms).label("times"))
            .where(run_time.c.workflow == bound(workflow))
            .group_by(run_time.c.key)
            .limit(KEYS_MAX)
        )
        async with self._source.snapshot() as db:
            rows = (await db.execute(query)).all()
        found = {row.key: usual_time([int(ms) for ms in row.times.split(",")]) for row in rows}
        return {key: usual for key, usual in found.items() if usual is not None}

    async def usual(self, task_ids: Sequence[int]) -> dict[int, UsualTime]:
        """Return what is usual for these tasks, the first `TASKS_MAX`; loose and new ones are missing."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_TIMES, {"ids": ids(task_ids[:TASKS_MAX])})).all()
        found = {row.id: usual_time([int(ms) for ms in row.times.split(",")]) for row in rows}
        return {task_id: usual for task_id, usual in found.items() if usual is not None}

    async def of_tasks(self, workflow: str, keys: Iterable[str]) -> dict[str, Usual]:
        """Return what is usual of these tasks of a workflow, time and costs, by key."""
        async with self._source.snapshot() as db:
            found = await read_usual(db, ((workflow, key) for key in keys))
        return {key: usual for (_, key), usual in found.items()}
