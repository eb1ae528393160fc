"""Invariants between the rows of a store, as one table of queries.

Used by `findings`.
"""

from __future__ import annotations

from core.model.status import JOB_FINAL, STAGE_FINAL, TASK_FINAL, TASK_IDLE, JobStatus, TaskStatus
from core.model.values import INBOX, INBOX_STAGE
from core.store.derived import ENDED_EVENTS, NEWEST_EVENT, REAL_COUNTERS, REAL_RUN_TIMES
from core.store.sql import among
from core.store.tables.schema import BUCKET, KEPT
from core.store.verify.check import check
from core.store.verify.data_checks import DATA_CHECKS, LEFT_BEHIND_CHECKS
from core.store.verify.family_checks import FAMILY_CHECKS
from core.store.verify.gauge_checks import GAUGE_CHECKS, WAIT_CHECKS
from core.store.verify.instance_checks import INSTANCE_CHECKS
from core.store.verify.notice_checks import NOTICE_CHECKS
from core.store.verify.once_checks import ONCE_CHECKS
from core.store.verify.schedule_checks import SCHEDULE_CHECKS
from core.store.verify.upkeep_checks import UPKEEP_CHECKS
from core.store.verify.work_item_checks import WORK_ITEM_CHECKS
from core.store.verify.workflow_checks import WORKFLOW_CHECKS

_OPEN = set(TaskStatus) - TASK_FINAL
_LIVE = set(JobStatus) - JOB_FINAL - {JobStatus.ENDING}
_HELD_UP = "EXISTS (SELECT 1 FROM followup f WHERE f.kind = '{}' AND f.id = {})"


def _followed(kind: str, column: str) -> str:
    return _HELD_UP.format(kind, column)


COUNTERS = check(
    "counter.wrong",
    "a kept count differs from the tasks",
    f"""
        WITH real AS ({REAL_COUNTERS})
        SELECT r.scope, r.ref, r.status, r.n AS tasks, coalesce(c.n, 0) AS kept
        FROM real r LEFT JOIN counter c ON c.scope = r.scope AND c.ref = r.ref AND c.status = r.status
        WHERE r.n != coalesce(c.n, 0)
        UNION ALL
        SELECT c.scope, c.ref, c.status, 0, c.n FROM counter c
        WHERE c.n != 0 AND (c.scope, c.ref, c.status) NOT IN (SELECT scope, ref, status FROM real)""",
)
_COUNTS = (
    check(
        "stage.open_tasks",
        "a stage's number of open tasks differs from its tasks",
        f"""
        SELECT s.id AS stage, s.open_tasks AS kept, coalesce(t.n, 0) AS tasks FROM stage s
        LEFT JOIN (SELECT stage_id, count(*) AS n FROM task WHERE {among(_OPEN)}
                   AND stage_id != {INBOX_STAGE} GROUP BY stage_id) t ON t.stage_id = s.id
        WHERE s.open_tasks != coalesce(t.n, 0)""",
    ),
    check(
        "lane.head",
        "a lane's head differs from its first queued task",
        """
        SELECT l.id AS lane, l.head_key AS kept_key, l.head_id AS kept, t.first_key, t.first AS tasks
        FROM lane l LEFT JOIN (
          SELECT lane_id, sort_key AS first_key, min(id) AS first FROM task
          JOIN (SELECT lane_id AS lane, min(sort_key) AS least FROM task WHERE status = 'queued' GROUP BY 1)
          ON lane = lane_id AND least = sort_key WHERE status = 'queued' GROUP BY lane_id) t
        ON t.lane_id = l.id WHERE l.head_key IS NOT t.first_key OR l.head_id IS NOT t.first""",
    ),
    check(
        "lane.shut",
        "a lane is shut, but its job may be claimed from",
        f"""
        SELECT l.id AS lane, l.job_id AS job, j.status FROM lane l JOIN job j ON j.id = l.job_id
        WHERE l.shut_by = 0 AND NOT j.paused_above AND j.place_gauge IS NULL
        AND {among(_LIVE - {JobStatus.PAUSED}, "j.status")}
        AND NOT {_followed("lanes", "l.job_id")}""",
    ),
    check(
        "aisle.head",
        "an aisle's head differs from the first of its open lanes",
        """
        SELECT a.id AS aisle, a.head_key AS kept, l.first AS lanes FROM aisle a
        LEFT JOIN (SELECT aisle_id, min(head_key) AS first FROM lane
                   WHERE shut_by IS NULL GROUP BY aisle_id) l
        ON l.aisle_id = a.id WHERE a.head_key IS NOT l.first""",
    ),
    check(
        "aisle.shut",
        "an aisle is shut, but its queue is not paused",
        """
        SELECT a.id AS aisle, a.queue FROM aisle a JOIN queue q ON q.name = a.queue
        WHERE a.shut_by = 0 AND q.paused_at IS NULL""",
    ),
    check(
        "lane.foreign",
        "a task is in a lane of another queue or job",
        """
        SELECT t.id AS task, t.lane_id AS lane FROM task t JOIN lane l ON l.id = t.lane_id
        JOIN aisle a ON a.id = l.aisle_id WHERE a.queue != t.queue OR l.job_id != t.job_id""",
    ),
)

_ENDS = (
    check(
        "ended.foreign",
        "a count of ends has an impossible bucket, status or number",
        f"""
        SELECT at, queue, status, n FROM ended
        WHERE at % {BUCKET} != 0 OR n < 1 OR NOT ({among(TASK_FINAL)})""",
    ),
    # Older buckets may have been deleted.
    check(
        "ended.wrong",
        "a kept count of the ends of a day differs from the events",
        f"""
        WITH counted AS (
          SELECT ends.at - ends.at % {BUCKET} AS at, status, count(*) AS n
          FROM ({ENDED_EVENTS}) ends, {NEWEST_EVENT}
          WHERE ends.at - ends.at % {BUCKET} > newest.at - {KEPT} GROUP BY 1, 2),
        kept AS (
          SELECT ended.at, status, sum(n) AS n FROM ended, {NEWEST_EVENT}
          WHERE ended.at > newest.at - {KEPT} GROUP BY 1, 2)
        SELECT t.at, t.status, t.n AS events, coalesce(k.n, 0) AS kept
        FROM counted t LEFT JOIN kept k ON k.at = t.at AND k.status = t.status WHERE t.n != coalesce(k.n, 0)
        UNION ALL
        SELECT k.at, k.status, 0, k.n FROM kept k
        WHERE (k.at, k.status) NOT IN (SELECT at, status FROM counted)""",
    ),
)

_RUN_TIMES = (
    check(
        "run_time.wrong",
        "a kept run time differs from the attempts",
        f"""
        WITH real AS ({REAL_RUN_TIMES})
        SELECT task_id AS task, epoch, ms FROM (SELECT * FROM real EXCEPT SELECT * FROM run_time)
        UNION ALL
        SELECT task_id, epoch, ms FROM (SELECT * FROM run_time EXCEPT SELECT * FROM real)""",
    ),
)

_NEEDS = (
    check(
        "task.needs_left",
        "a task's number of open needs differs from its edges",
        """
        SELECT t.id AS task, t.needs_left AS kept, coalesce(e.n, 0) AS edges FROM task t
        LEFT JOIN (SELECT task_id, count(*) AS n FROM edge
                   WHERE met = 0 GROUP BY task_id) e ON e.task_id = t.id
        WHERE t.needs_left != coalesce(e.n, 0) AND t.job_id NOT IN (SELECT job_id FROM purge)""",
    ),
    check(
        "edge.met_early",
        "a need counts as met, but never ended so",
        f"""
        SELECT e.need_id AS need, e.task_id AS task FROM edge e JOIN task n ON n.id = e.need_id
        WHERE e.met != 0 AND n.generation = 1 AND n.status != 'succeeded' AND NOT n.tolerated
        AND NOT (e.kind = 'done' AND {among(TASK_FINAL, "n.status")})
        AND NOT (n.id IN (SELECT task_id FROM instance_set)
                 AND (SELECT spec FROM task WHERE id = e.task_id) LIKE '%"each":%')""",
    ),
    check(
        "edge.overdue",
        "a need has ended, but the task that waits for it was not updated",
        f"""
        SELECT e.need_id AS need, e.task_id AS task FROM edge e
        JOIN task t ON t.id = e.task_id AND t.status = 'blocked'
        JOIN task n ON n.id = e.need_id AND {among(TASK_FINAL, "n.status")}
        JOIN job j ON j.id = t.job_id AND {among(_LIVE, "j.status")}
        WHERE e.met = 0 AND NOT {_followed("task", "e.need_id")}""",
    ),
    check(
        "task.condition",
        "a task waits for its `when` to be judged, but not by its needs, stage or definition",
        """
        SELECT t.id AS task FROM task t JOIN stage s ON s.id = t.stage_id
        WHERE t.wait_reason = 'condition'
        AND NOT (t.status = 'blocked' AND t.needs_left = 0 AND s.status = 'open' AND t.conditional)""",
    ),
    check(
        "task.stuck",
        "a blocked task waits for nothing",
        f"""
        SELECT t.id AS task FROM task t JOIN stage s ON s.id = t.stage_id AND s.status = 'open'
        JOIN job j ON j.id = t.job_id AND {among(_LIVE, "j.status")}
        WHERE t.status = 'blocked' AND t.needs_left = 0 AND t.wait_reason IS NULL AND t.set_id IS NULL
        AND NOT {_followed("stage", "t.stage_id")}""",
    ),
)

_TOLERATED = (
    check(
        "task.tolerated",
        "a failure is tolerated against its document, or not tolerated as that says",
        """
        SELECT id AS task, status, tolerated FROM task
        WHERE tolerated != (status = 'failed' AND coalesce(
          CASE WHEN json_valid(spec) THEN spec->>'$.continue_on_error' END, 0))""",
    ),
)

_AWAITED = (
    check(
        "awaited.stray",
        "what a task waits for is kept, but it does not wait, or the other way round",
        """
        SELECT t.id AS task, t.status, w.is_held FROM awaited w JOIN task t ON t.id = w.task_id
        WHERE t.status NOT IN ('waiting', 'held') OR w.is_held != (t.status = 'held')
        UNION ALL
        SELECT t.id, t.status, NULL FROM task t WHERE t.status = 'waiting'
        AND t.id NOT IN (SELECT task_id FROM awaited) AND t.id NOT IN (SELECT task_id FROM instance_set)""",
    ),
    check(
        "awaited.over",
        "a task waits for a job that has ended",
        f"""
        SELECT w.task_id AS task, j.id AS job, j.status FROM awaited w JOIN job j ON j.id = w.job_id
        WHERE w.is_held = 0 AND w.due_at IS NULL AND {among(JOB_FINAL, "j.status")}""",
    ),
)

_CHILDREN = (
    check(
        "child.unanswered",
        "a child has ended, but the task that waits for it was not told",
        f"""
        SELECT t.id AS task, w.child_id AS child, j.status FROM awaited w JOIN task t ON t.id = w.task_id
        LEFT JOIN job j ON j.id = w.child_id
        WHERE w.child_id IS NOT NULL AND w.asks IS NULL AND NOT w.is_held
        AND (j.id IS NULL OR {among(JOB_FINAL, "j.status")})""",
    ),
    check(
        "child.asks",
        "the engine is asked for outputs of a child that did not succeed, or for a worklet that has begun",
        """
        SELECT t.id AS task, w.asks, w.child_id AS child, j.status FROM awaited w
        JOIN task t ON t.id = w.task_id LEFT JOIN job j ON j.id = w.child_id
        WHERE (w.asks = 'outputs' AND j.status IS NOT 'succeeded')
        OR (w.asks = 'worklet' AND w.child_id IS NOT NULL)
        OR (w.asks IS NULL AND w.child_id IS NULL AND w.is_late)""",
    ),
    check(
        "child.place",
        "a child does not stand one below the job of its task, under the same root",
        """
        SELECT c.id AS child, c.depth, c.root_id AS root, p.id AS parent FROM job c
        JOIN task t ON t.id = c.parent_task JOIN job p ON p.id = t.job_id
        WHERE c.depth != p.depth + 1 OR c.root_id IS NOT coalesce(p.root_id, p.id)""",
    ),
    check(
        "child.paused",
        "a child is marked as paused from above, but no job above it is, or the other way round",
        f"""
        SELECT c.id AS child, c.paused_above, p.id AS parent, p.status FROM job c
        JOIN task t ON t.id = c.parent_task JOIN job p ON p.id = t.job_id
        WHERE {among(_LIVE, "c.status")} AND {among(_LIVE, "p.status")}
        AND c.paused_above != (p.status = 'paused' OR p.paused_above)""",
    ),
)

_ATTEMPTS = (
    check(
        "attempt.stray",
        "an attempt is open, but its task does not run it",
        """
        SELECT a.task_id AS task, a.epoch, t.status, t.epoch AS task_epoch
        FROM attempt a JOIN task t ON t.id = a.task_id
        WHERE a.status = 'running' AND NOT (t.status = 'running' AND t.epoch = a.epoch)""",
    ),
    check(
        "attempt.missing",
        "a task runs without an open attempt",
        """
        SELECT t.id AS task, t.epoch FROM task t
        LEFT JOIN attempt a ON a.task_id = t.id AND a.epoch = t.epoch AND a.status = 'running'
        WHERE t.status = 'running' AND a.task_id IS NULL""",
    ),
    check(
        "attempt.count",
        "a task's epoch differs from its number of attempts",
        """
        SELECT t.id AS task, t.epoch, coalesce(a.n, 0) AS attempts FROM task t
        LEFT JOIN (SELECT task_id, count(*) AS n FROM attempt GROUP BY task_id) a ON a.task_id = t.id
        WHERE t.epoch != coalesce(a.n, 0)""",
    ),
    check(
        "payload.missing",
        "a task's large output is gone",
        """
        SELECT t.id AS task FROM task t WHERE t.output LIKE '{"$payload":%'
        AND json_extract(t.output, '$."$payload"') NOT IN (SELECT hash FROM payload)""",
    ),
)

_ACTORS = (
    # Stores of schema version 1 did not keep it.
    check(
        "task.actor",
        "a loose task names another actor than the event of its creation",
        """
        SELECT t.id AS task, t.actor AS kept, e.actor AS events FROM task t
        JOIN event e ON e.task_id = t.id AND e.kind = 'task.created'
        WHERE t.actor IS NOT NULL AND t.actor IS NOT e.actor""",
    ),
)

_STAGES = (
    check(
        "stage.verdict",
        "a closed stage's status does not follow from its tasks",
        f"""
        SELECT s.id AS stage, s.status, c.should FROM stage s JOIN (
          SELECT st.id, CASE WHEN max(t.status = 'failed' AND NOT t.tolerated) THEN 'failed'
            WHEN max(t.status = 'cancelled') THEN 'cancelled'
            WHEN max(t.status = 'succeeded' OR t.tolerated) THEN 'succeeded' ELSE 'skipped' END AS should
          FROM stage st LEFT JOIN task t ON t.stage_id = st.id AND t.set_id IS NULL
          WHERE st.id != {INBOX_STAGE} GROUP BY st.id) c
        ON c.id = s.id WHERE {among(STAGE_FINAL, "s.status")} AND s.status != c.should
        AND s.job_id NOT IN (SELECT job_id FROM purge)""",
    ),
    check(
        "stage.closed_early",
        "a stage is closed, but some of its tasks have not ended",
        f"SELECT id AS stage, open_tasks FROM stage WHERE {among(STAGE_FINAL)} AND open_tasks > 0",
    ),
    check(
        "stage.unclosed",
        "a stage is open, but all its tasks have ended",
        f"""
        SELECT s.id AS stage FROM stage s JOIN job j ON j.id = s.job_id AND {among(_LIVE, "j.status")}
        WHERE s.status = 'open' AND s.open_tasks = 0 AND s.id != {INBOX_STAGE}
        AND NOT {_followed("stage", "s.id")}""",
    ),
    check(
        "stage.opened_early",
        "a task went on although its stage is pending",
        f"""
        SELECT t.id AS task, s.id AS stage, t.status FROM task t JOIN stage s ON s.id = t.stage_id
        WHERE s.status = 'pending' AND {among(_OPEN - {TaskStatus.BLOCKED}, "t.status")}""",
    ),
)

_JOBS = (
    check(
        "job.ended_early",
        "a job has ended, but some of its tasks have not",
        f"""
        SELECT j.id AS job, t.id AS task, t.status FROM job j JOIN task t ON t.job_id = j.id
        WHERE {among(JOB_FINAL, "j.status")} AND {among(_OPEN, "t.status")}""",
    ),
    check(
        "job.stage_open",
        "a job has ended, but some of its stages have not",
        f"""
        SELECT j.id AS job, s.id AS stage, s.status FROM job j JOIN stage s ON s.job_id = j.id
        WHERE {among(JOB_FINAL, "j.status")} AND NOT {among(STAGE_FINAL, "s.status")}""",
    ),
    check(
        "job.stalled",
        "a job has not ended, but none of its stages is open",
        f"""
        SELECT j.id AS job FROM job j WHERE {among(_LIVE, "j.status")}
        AND NOT EXISTS (SELECT 1 FROM stage s WHERE s.job_id = j.id AND s.status = 'open')""",
    ),
    check(
        "job.unended",
        "a job's verdict is in and all its tasks have ended, but the job has not",
        f"""
        SELECT j.id AS job FROM job j WHERE j.status = 'ending' AND NOT {_followed("job", "j.id")}
        AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND {among(_OPEN, "t.status")})""",
    ),
    check(
        "job.uncancelled",
        "a job's verdict is in, but some of its idle tasks are not cancelled",
        f"""
        SELECT j.id AS job, t.id AS task, t.status FROM job j JOIN task t ON t.job_id = j.id
        WHERE j.status = 'ending' AND {among(TASK_IDLE, "t.status")} AND NOT {_followed("job", "j.id")}
        AND NOT (j.finishing < 2 AND j.started_at IS NOT NULL
                 AND EXISTS (SELECT 1 FROM stage s WHERE s.id = t.stage_id AND s.is_finally))
        AND NOT (t.stop_at IS NOT NULL
                 AND EXISTS (SELECT 1 FROM awaited w WHERE w.task_id = t.id AND w.child_id IS NOT NULL))""",
    ),
    check(
        "job.finishing",
        "the stage `finally` of a job is open and the job does not know it, or the other way round",
        """
        SELECT j.id AS job, j.finishing, s.status FROM job j
        LEFT JOIN stage s ON s.job_id = j.id AND s.is_finally
        WHERE (j.finishing = 0 AND s.status = 'open') OR (j.finishing = 1 AND s.status IS NOT 'open'
        AND j.status NOT IN ('succeeded', 'failed', 'cancelled') AND NOT EXISTS (
          SELECT 1 FROM stage o WHERE o.job_id = j.id AND o.status = 'open'))""",
    ),
    check(
        "job.verdict",
        "a job ended otherwise than its verdict says",
        """
        SELECT id AS job, status, verdict FROM job
        WHERE (status IN ('failed', 'cancelled') AND verdict IS NOT status)
        OR (status = 'succeeded' AND verdict IS NOT NULL)""",
    ),
    check(
        "job.succeeded",
        "a job succeeded, but its stages did not",
        """
        SELECT j.id AS job, s.id AS stage, s.status FROM job j JOIN stage s ON s.job_id = j.id
        WHERE j.status = 'succeeded' AND (s.status = 'cancelled'
        OR (s.status = 'failed' AND j.on_task_failure != 'continue'))""",
    ),
    check(
        "job.inbox",
        "the inbox is not as it was made",
        f"""
        SELECT s.job_id AS job, j.status FROM (SELECT {INBOX} AS job_id) s LEFT JOIN job j ON j.id = s.job_id
        LEFT JOIN stage g ON g.id = {INBOX_STAGE} AND g.job_id = s.job_id
        WHERE coalesce(j.status, '') NOT IN ('running', 'paused') OR g.status IS NOT 'open'""",
    ),
)

DERIVED_CHECKS = (
    *_ENDS,
    *_RUN_TIMES,
    *FAMILY_CHECKS,
    *GAUGE_CHECKS,
    *ONCE_CHECKS,
    *DATA_CHECKS,
    *NOTICE_CHECKS,
    *SCHEDULE_CHECKS,
    *WORKFLOW_CHECKS,
    *LEFT_BEHIND_CHECKS,
)
"""Checks of what is kept beside tasks, attempts and events, and can be counted again from these."""
CHECKS = (
    COUNTERS,
    *_COUNTS,
    *WAIT_CHECKS,
    *DERIVED_CHECKS,
    *_NEEDS,
    *_TOLERATED,
    *_AWAITED,
    *_CHILDREN,
    *_ATTEMPTS,
    *_ACTORS,
    *_STAGES,
    *_JOBS,
    *WORK_ITEM_CHECKS,
    *UPKEEP_CHECKS,
    *INSTANCE_CHECKS,
)
"""Every check, in the order of its run."""
