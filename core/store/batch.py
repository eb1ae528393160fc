"""One transaction of the journal, which all apply functions share.

Made by `transaction`; its report goes to the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from itertools import starmap
from typing import TypeVar

from core.model.commands.work import ENGINE
from core.model.decisions import TaskCounts
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Spent
from core.model.status import TASK_FINAL, JobStatus, Move, StageStatus, TaskStatus
from core.model.values import INBOX, MOMENT_MAX, JsonObject
from core.store.batch_report import Report
from core.store.capacity import Capacity
from core.store.families import Families
from core.store.gauges import Gauges
from core.store.rows import FinalTask, LeftOver, Placed, Subject, TaskPlace
from core.store.sql import ids, pack, raw
from core.store.tables.schema import BUCKET, KEPT
from core.store.writer import Writer

R = TypeVar("R")
FAILED, RETRYING = TaskStatus.FAILED, TaskStatus.RETRYING
_FROM: dict[str, str] = {status: pack({"from": status}) for status in (*TaskStatus, *JobStatus)}
"""What the event of a move says that has no more to say."""

MAX_PER_BATCH = 1_000
"""Consequences (unblocks, skips, cancels) that one batch carries out at the most."""
MAX_EDGES_PER_BATCH = 4_000
"""Edges that one batch reads at the most."""
STALE = 1_000
"""Rows of old counts that one batch deletes, and those of one bucket more."""

_INSERT_EVENT = (
    "INSERT INTO event (at, kind, job_id, task_id, attempt, actor, data)"
    " VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), ?)"
)
_STANDING = (
    "SELECT (SELECT max(id) FROM event), EXISTS (SELECT 1 FROM followup),"
    " (SELECT min(retry_at) FROM task INDEXED BY task_due WHERE status = 'retrying')"
)
_COUNT = (
    "INSERT INTO counter (scope, ref, status, n) VALUES (?1, CAST(?2 AS TEXT), ?3, ?4)"
    " ON CONFLICT (scope, ref, status) DO UPDATE SET n = n + ?4"
)
# What was not counted before cannot be counted less.
_COUNT_LESS = "UPDATE counter SET n = n + ?4 WHERE scope = ?1 AND ref = CAST(?2 AS TEXT) AND status = ?3"
_END = (
    "INSERT INTO ended (at, queue, status, n) VALUES (?, CAST(? AS TEXT), ?, ?)"
    " ON CONFLICT (at, queue, status) DO UPDATE SET n = n + excluded.n"
)
# Whole buckets go: one that is left is complete.
_DELETE_OLD = (
    "DELETE FROM ended WHERE at < ?1"
    " AND at <= coalesce((SELECT at FROM ended ORDER BY at LIMIT 1 OFFSET ?2), ?1)"
)
# A lane of another head is not too dear any more: a claim sees.
# A lane that stays empty is not written: each page that changes is one more to sync.
# With the bound: after ANALYZE over small lanes SQLite would sort a whole lane instead of reading its index.
_LANE_HEADS = (
    "UPDATE lane SET (head_key, head_id) = (SELECT sort_key, id FROM task INDEXED BY task_claim"
    " WHERE lane_id = lane.id AND status = 'queued' AND sort_key > -9223372036854775807"
    " ORDER BY sort_key, id LIMIT 1), shut_by = CASE WHEN shut_by > 0 THEN NULL ELSE shut_by END"
    " WHERE id IN (SELECT value FROM json_each(?)) AND (head_key IS NOT NULL OR EXISTS (SELECT 1 FROM task"
    " INDEXED BY task_claim WHERE lane_id = lane.id AND status = 'queued'"
    " AND sort_key > -9223372036854775807)) RETURNING aisle_id"
)
# Materialized: the lookup would be made again for each mention of its result.
_AISLE_HEADS = (
    "WITH heads AS MATERIALIZED (SELECT j.value AS id, (SELECT l.head_key FROM lane l INDEXED BY lane_head"
    " WHERE l.aisle_id = j.value AND l.head_key IS NOT NULL AND l.shut_by IS NULL"
    " ORDER BY l.head_key LIMIT 1) AS head_key FROM json_each(?) AS j)"
    " UPDATE aisle SET head_key = heads.head_key,"
    " shut_by = CASE WHEN heads.head_key IS NULL AND shut_by > 0 THEN NULL ELSE shut_by END FROM heads"
    " WHERE aisle.id = heads.id AND aisle.head_key IS NOT heads.head_key"
)


class Batch:
    """The open transaction: cursor, moment, and the buffers that are written at its end."""

    def __init__(self, writer: Writer, *, now: int, offset: int = 0, limit: int = MAX_PER_BATCH) -> None:
        self._writer = writer
        self.db = writer.connection
        self.now = now
        """Engine time, ms: what decides."""
        self.offset = offset
        self.wall = now - offset
        """The wall clock, ms UTC: what is shown."""
        self.epoch = writer.epoch
        self.aging_step = writer.aging_step
        self.manual_retries = writer.manual_retries
        self.rules = writer.rules
        self.report = Report()
        self.limit = self.budget = min(limit, MAX_PER_BATCH)
        """Consequences that this batch may carry out: in all, and still."""
        self.reached: LeftOver | None = None
        """The last of what earlier batches left over that this one took up."""
        self.finals: list[FinalTask] = []
        self.followups: list[LeftOver] = []
        self.left_before: frozenset[LeftOver] | None = None
        """Of a replay: what earlier batches left over; what its own commands leave is for a later batch."""
        self.left_now: set[LeftOver] = set()
        """Of a replay: what its own commands left over so far, which stays."""
        self.verdicts: list[int] = []
        """Jobs that got their verdict in this batch; cancelling the rest is due."""
        self.jobs_over: list[int] = []
        """Jobs that ended in this batch, and for which tasks may wait."""
        self._events: list[tuple[object, ...]] = []
        self._counts: defaultdict[tuple[int, int, int | None, str, str], int] = defaultdict(int)
        self.sets: set[int] = set()
        """Sets of instances that this batch has to bring in line with their group."""
        self.turns: set[int] = set()
        """Sets of which further instances may begin."""
        self._tolerated: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._ended: defaultdict[tuple[str, TaskStatus], int] = defaultdict(int)
        self.families = Families(writer, wall=self.wall)
        self.gauges = Gauges(writer, now=now, offset=offset, tell=self.tell_gauge)
        self.spent: dict[tuple[int, int], Sequence[Spent]] = {}
        """What attempts reported that this batch closes, by task and epoch."""
        self.unpriced: set[str] = set()
        """Models without a price that this batch has warned of."""
        self._lanes: set[int] = set()
        self._aisles: set[int] = set()

    @property
    def capacity(self) -> Capacity:
        """Pools and limits as of this transaction."""
        return self._writer.capacity

    @property
    def reached_before(self) -> tuple[str, int]:
        """Return what former batches took up last of what was left over; none sorts before all."""
        return self._writer.reached or ("", 0)

    def rows(self, sql: str, *args: object) -> list[tuple]:  # type: ignore[type-arg]
        """Run one statement and return all its rows."""
        return self.db.execute(sql, args).fetchall()

    def one(self, sql: str, *args: object) -> tuple | None:  # type: ignore[type-arg]
        """Run one statement and return its first row, or None."""
        rows = self.db.execute(sql, args).fetchall()
        return rows[0] if rows else None

    def typed(self, row: Callable[..., R], sql: str, *args: object) -> list[R]:
        """Run one statement and give each of its rows a type, whose fields are in the columns' order."""
        return list(starmap(row, self.db.execute(sql, args).fetchall()))

    def places(self, sql: str, *args: object) -> list[TaskPlace]:
        """Run one statement that returns the columns `PLACE` of tasks."""
        return self.typed(TaskPlace, sql, *args)

    def run(self, sql: str, *args: object) -> int:
        """Run one statement without rows; return how many rows it changed."""
        return self.db.execute(sql, args).rowcount

    def many(self, sql: str, args: Sequence[tuple[object, ...]]) -> None:
        """Run one unguarded statement for each tuple of arguments."""
        if args:
            self.db.executemany(sql, args)

    def event(
        self,
        kind: str,
        subject: Subject,
        *,
        actor: str | None = ENGINE,
        data: JsonObject | None = None,
    ) -> None:
        """Note an event, by the engine unless another is named; written in this order with the batch."""
        self._events.append((self.wall, kind, *subject, raw(actor), pack(data) if data else None))

    def task_event(
        self,
        kind: str,
        task: Placed,
        *,
        attempt: int | None = None,
        actor: str | None = None,
        data: JsonObject | None = None,
    ) -> None:
        """Note an event about a task, or about an attempt of it."""
        noted = pack(data) if data else None
        self._events.append((self.wall, kind, task.job_id, task.task_id, attempt, raw(actor), noted))

    def tasks_told(self, kinds: Container[str]) -> tuple[int, ...]:
        """Return the tasks of its events of these kinds that are not written yet, each once."""
        return tuple(
            dict.fromkeys(row[3] for row in self._events if row[1] in kinds and isinstance(row[3], int))
        )

    def created(self, task: Placed, *, actor: str, facts: str) -> None:
        """Note the event of a new task; `facts` is packed, for many tasks have the same."""
        self._events.append((self.wall, "task.created", task.job_id, task.task_id, None, raw(actor), facts))

    def task_moved(
        self,
        task: Placed,
        move: Move[TaskStatus],
        *,
        attempt: int | None = None,
        actor: str | None = None,
        data: JsonObject | None = None,
    ) -> None:
        """Count a task's move that landed and note its event; of several sources it names the one it left."""
        source = move.source
        self._count_move(task, source, move.target)
        noted = pack({**data, "from": source}) if data else _FROM[source]
        self._events.append((self.wall, move.event, task.job_id, task.task_id, attempt, raw(actor), noted))

    def job_moved(
        self,
        job_id: int,
        move: Move[JobStatus],
        *,
        actor: str | None = ENGINE,
        data: JsonObject | None = None,
    ) -> None:
        """Note the event of a job's move."""
        noted = pack({**data, "from": move.source}) if data else _FROM[move.source]
        self._events.append((self.wall, move.event, job_id, None, None, raw(actor), noted))

    def stage_moved(self, job_id: int, move: Move[StageStatus], data: JsonObject) -> None:
        """Note the event of a stage's move; `data` names the stage."""
        self.event(move.event, Subject(job_id), data={**data, "from": move.source})

    def due(self, at: int) -> JsonObject:
        """Return what an event says of a time ahead: shown by the wall clock, kept in engine time."""
        shown: JsonObject = {"retry_at": at - self.offset}
        return {**shown, "due": at} if self.offset else shown

    def tell_gauge(self, kind: str, gauge: Gauge) -> None:
        """Note what operators hear of a gauge: its soft limit was passed, its cap reached, or it is below."""
        note: JsonObject = {
            "limit": gauge.limit.name,
            "key": gauge.key,
            "used": gauge.used,
            "reserved": gauge.reserved,
            "unknown": gauge.unknown,
            "max": gauge.cap,
            "unit": gauge.limit.unit,
            "soft": gauge.limit.soft,
        }
        self.event(kind, Subject(), data=note)

    def _count_move(self, task: Placed, source: TaskStatus, target: TaskStatus) -> None:
        """Count its statuses, the lane it enters or leaves, the end it brings."""
        where = (task.job_id, task.stage_id, task.set_id, task.queue)
        self._counts[(*where, source)] -= 1
        self._counts[(*where, target)] += 1
        if source is TaskStatus.QUEUED or target is TaskStatus.QUEUED:
            self._lanes.add(task.lane_id)
        if source is FAILED or source is RETRYING:
            self.families.move(task, source, -1)
        if target is FAILED or target is RETRYING:
            self.families.move(task, target, 1)
        if target in TASK_FINAL:
            self._ended[task.queue, target] += 1
            self.report.final_tasks.append(task.task_id)

    def count_created(self, task: Placed, status: TaskStatus) -> None:
        """Count a new task."""
        self._counts[task.job_id, task.stage_id, task.set_id, task.queue, status] += 1
        if status is TaskStatus.QUEUED:
            self.reorder_lane(task)

    def count_gone(self, task: Placed, status: TaskStatus) -> None:
        """Count a final task no more; its row is still there."""
        self._counts[task.job_id, task.stage_id, task.set_id, task.queue, status] -= 1
        if status is FAILED:
            self.families.move(task, status, -1)

    def count_tolerated(self, task: Placed, number: int) -> None:
        """Count a task of a job that became, or was, failed and tolerated."""
        self._tolerated[task.job_id, task.stage_id] += number

    def reorder_lane(self, task: Placed) -> None:
        """Note that the head of a task's lane may be another one now."""
        self.reorder_lane_id(task.lane_id)

    def reorder_lane_id(self, lane_id: int) -> None:
        """Note that the head of a lane may be another one now."""
        self._lanes.add(lane_id)

    def reorder_lanes_of(self, job_id: int) -> None:
        """Note that the heads of all lanes of a job may be others now."""
        self._lanes.update(
            lane_id for (lane_id,) in self.rows("SELECT id FROM lane WHERE job_id = ?", job_id)
        )

    def reorder_aisles(self, rows: Iterable[tuple[int]]) -> None:
        """Note that the heads of aisles, named by rows of their ids, may be others now."""
        self._aisles.update(aisle_id for (aisle_id,) in rows)

    def reordered_lanes(self) -> Collection[int]:
        """Return the lanes whose heads `refresh_lanes` would write; none where aisles are noted besides."""
        return frozenset() if self._aisles else self._lanes

    def follow(self, task: Placed, status: TaskStatus, *, tolerated: bool = False) -> None:
        """Let phase 4 follow what the end of a task means."""
        self.finals.append(
            FinalTask(task.task_id, task.job_id, task.stage_id, status, tolerated, task.set_id)
        )

    def trial(self) -> Batch:
        """Return a batch for a part of this transaction; see `absorb`."""
        # Both would write the same rows.
        self.gauges.forget()
        part = Batch(self._writer, now=self.now, offset=self.offset, limit=self.limit)
        part.budget = self.budget
        part.unpriced |= self.unpriced
        part.left_before, part.left_now = self.left_before, set(self.left_now)
        return part

    def absorb(self, other: Batch) -> None:
        """Take over what a finished part of this transaction noted."""
        self.finals += other.finals
        self.jobs_over += other.jobs_over
        self.sets |= other.sets
        self.turns |= other.turns
        self.verdicts += other.verdicts
        self.left_before, self.left_now = other.left_before, other.left_now
        self.budget = other.budget
        self.reached = other.reached or self.reached
        mine, theirs = self.report, other.report
        mine.claimed += theirs.claimed
        mine.claims_left |= theirs.claims_left
        mine.pools = mine.pools if theirs.pools is None else theirs.pools
        mine.faults += theirs.faults
        mine.stops += theirs.stops
        mine.may_end += theirs.may_end
        self.gauges.spent |= other.gauges.spent
        mine.conditions += theirs.conditions
        mine.lookouts += theirs.lookouts
        mine.final_tasks += theirs.final_tasks
        mine.ended_jobs += theirs.ended_jobs
        mine.kinds |= theirs.kinds
        mine.reopened |= theirs.reopened
        self.unpriced |= other.unpriced

    def refresh_lanes(self) -> None:
        """Recompute the heads of lanes whose queued tasks changed, and of their aisles."""
        if self._lanes:
            self.reorder_aisles(self.rows(_LANE_HEADS, ids(self._lanes)))
            self._lanes.clear()
        if self._aisles:
            self.run(_AISLE_HEADS, ids(self._aisles))
            self._aisles.clear()

    def flush_counts(self) -> None:
        """Write the counters; later statements of the batch may read them."""
        if not self._counts and not self._tolerated:
            return
        deltas: defaultdict[tuple[str, str | bytes | None, str], int] = defaultdict(int)
        for (job_id, stage_id, set_id, queue, status), number in self._counts.items():
            if number:
                deltas["queue", raw(queue), status] += number
                if set_id is not None:
                    deltas["set", str(set_id), status] += number
                    continue
                deltas["job", str(job_id), status] += number
                if job_id != INBOX:
                    deltas["stage", str(stage_id), status] += number
        for (job_id, stage_id), number in self._tolerated.items():
            deltas["job_tolerated", str(job_id), FAILED] += number
            deltas["stage_tolerated", str(stage_id), FAILED] += number
        self.many(_COUNT, [(*key, number) for key, number in deltas.items() if number > 0])
        self.many(_COUNT_LESS, [(*key, number) for key, number in deltas.items() if number < 0])
        self._counts.clear()
        self._tolerated.clear()

    def task_counts(self, scope: str, number: int) -> TaskCounts:
        """Return how many tasks of a `stage`, `job` or `set` stand where, this batch included."""
        self.flush_counts()
        sql = "SELECT status, n FROM counter WHERE scope = ? AND ref = ? AND n > 0"
        return {TaskStatus(status): n for status, n in self.rows(sql, scope, str(number))}

    def flush_ends(self) -> None:
        """Count what ended; the first batch of a bucket deletes old ones."""
        if not self._ended:
            return
        bucket = self.now - self.now % BUCKET
        if self.one("SELECT 1 FROM ended WHERE at = ? LIMIT 1", bucket) is None:
            self.run(_DELETE_OLD, bucket - KEPT, STALE)
        self.many(_END, [(bucket, raw(queue), status, n) for (queue, status), n in self._ended.items()])
        self._ended.clear()

    def flush_facts(self) -> None:
        """Write the events and what is counted by them; later statements of the batch may read them."""
        self.flush_counts()
        self.flush_ends()
        self.families.flush()
        self.gauges.flush()
        if self._events:
            self.report.kinds.update(str(row[1]) for row in self._events)
            self.db.executemany(_INSERT_EVENT, self._events)
            self._events.clear()

    def finish(self) -> Report:
        """Write what is buffered and return the report; the journal commits."""
        self.refresh_lanes()
        self.flush_facts()
        self.many("INSERT OR IGNORE INTO followup (kind, id) VALUES (?, ?)", self.followups)
        self.left_now.update(self.followups)
        self.followups.clear()
        return self.report


def close_report(batch: Batch) -> Report:
    """Fill in what the loops want to know of the store as it stands before the commit."""
    report = batch.report
    ((last_event, left_over, due),) = batch.rows(_STANDING)
    report.last_event = last_event or 0
    report.carried = batch.limit - batch.budget
    report.left_over = bool(left_over)
    alarm = batch.gauges.next_due()
    report.next_due = earliest(due, alarm)
    report.waits_for_checks = batch.gauges.has_down()
    return report


def earliest(*times: int | None) -> int | None:
    """Return the first of these moments; None = there is none.

    What is not a moment in a damaged row is not waited for: the janitor looks for it.
    """
    return min((at for at in times if isinstance(at, int) and at <= MOMENT_MAX), default=None)
