"""Invariants of groups, their sets and their instances.

Used by `checks`.
"""

from __future__ import annotations

from core.model.patterns.instances import AfterThreshold
from core.model.status import JOB_FINAL, TASK_FINAL, TASK_IDLE, JobStatus, TaskStatus
from core.store.sql import among
from core.store.tables.instance_tables import UNBEGUN
from core.store.verify.check import check

_LIVE = among(set(JobStatus) - JOB_FINAL - {JobStatus.ENDING}, "j.status")
_FOLLOWED = "EXISTS (SELECT 1 FROM followup f WHERE f.kind = 'set' AND f.id = i.id)"
_CURRENT = "i.number = (SELECT max(number) FROM instance_set WHERE task_id = i.task_id)"
_GROUPS = (
    "FROM instance_set i JOIN task g ON g.id = i.task_id JOIN job j ON j.id = i.job_id"
    f" WHERE {_CURRENT} AND NOT {_FOLLOWED}"
)
_BEGUN = among(set(TaskStatus) - TASK_FINAL - {TaskStatus.BLOCKED}, "t.status")
_OF_SET = "FROM task t WHERE t.set_id = i.id"

INSTANCE_CHECKS = (
    check(
        "set.made",
        "a set counts other instances than it has",
        f"""
        SELECT i.id AS "set", i.made AS kept, (SELECT count(*) {_OF_SET}) AS instances FROM instance_set i
        WHERE i.made != (SELECT count(*) {_OF_SET}) AND i.job_id NOT IN (SELECT job_id FROM purge)""",
    ),
    check(
        "set.items",
        "items that have no instance yet are gone, or kept twice",
        f"""
        SELECT i.id AS "set", i.made, i.total {_GROUPS} AND g.status = 'waiting' AND {_LIVE}
        AND i.made < i.total AND NOT EXISTS (
          SELECT 1 FROM instance_page p WHERE p.set_id = i.id AND p.first = i.made)
        UNION ALL
        SELECT i.id, i.made, i.total FROM instance_set i JOIN instance_page p
        ON p.set_id = i.id AND p.first < i.made""",
    ),
    check(
        "instance.foreign",
        "an instance is not of the set, group, stage or job that it names",
        """
        SELECT t.id AS task, t.set_id AS "set", t.group_task AS "group" FROM task t
        LEFT JOIN instance_set i ON i.id = t.set_id LEFT JOIN task g ON g.id = t.group_task
        WHERE (t.set_id IS NOT NULL OR t.group_task IS NOT NULL OR t.item IS NOT NULL)
        AND t.job_id NOT IN (SELECT job_id FROM purge)
        AND (i.task_id IS NOT t.group_task OR t.item IS NULL OR g.job_id IS NOT t.job_id
             OR g.stage_id IS NOT t.stage_id OR t.item >= i.total)""",
    ),
    check(
        "instance.stuck",
        "an instance may begin and does not",
        f"""
        SELECT i.id AS "set", g.id AS task {_GROUPS} AND g.status = 'waiting' AND {_LIVE}
        AND EXISTS (SELECT 1 {_OF_SET} AND {UNBEGUN.replace("set_id", "t.set_id", 1)})
        AND (i.parallel IS NULL OR i.parallel > (
          SELECT count(*) {_OF_SET} AND ({_BEGUN} OR t.wait_reason IS NOT NULL)))""",
    ),
    check(
        "instance.unended",
        "a group has ended, and instances that it has no use for have not",
        f"""
        SELECT i.id AS "set", g.id AS task, g.status {_GROUPS} AND {among(TASK_FINAL, "g.status")}
        AND j.status != 'ending' AND NOT (g.status = 'succeeded'
          AND coalesce(g.spec->>'$.for_each.after', '') = '{AfterThreshold.RUN_ALL}')
        AND EXISTS (SELECT 1 {_OF_SET} AND {among(TASK_IDLE, "t.status")})""",
    ),
    check(
        "group.undecided",
        "all instances of a group have ended, but the group has not",
        f"""
        SELECT i.id AS "set", g.id AS task {_GROUPS} AND g.status = 'waiting' AND {_LIVE}
        AND i.made = i.total AND i.again IS NULL
        AND NOT EXISTS (SELECT 1 {_OF_SET} AND NOT {among(TASK_FINAL, "t.status")})""",
    ),
)
