"""Make again what follows from rows and events.

Called through the table in `core.store.dispatch`, for what the janitor found.
"""

from __future__ import annotations

from core.model.commands.work import Recount
from core.model.stored_text import json_or_note
from core.model.values import JsonObject
from core.store.apply.upkeep.recounts import note_repair
from core.store.batch import Batch
from core.store.derived import (
    ENDED_EVENTS,
    FAMILY_EVENTS,
    NEWEST_EVENT,
    REAL_FAMILIES,
    REAL_FAMILY_HOURS,
    REAL_FAMILY_JOBS,
    REAL_FAMILY_TASKS,
    REAL_GAUGES,
    REAL_ONCE_KEYS,
    REAL_RUN_TIMES,
    UNTRUE_DOWN,
)
from core.store.families import KEPT as FAMILY_KEPT
from core.store.families import MESSAGE_CHARS
from core.store.sql import raw
from core.store.tables.schema import BUCKET, KEPT
from core.store.verify.checks import DERIVED_CHECKS
from core.store.verify.once_checks import ONCE_CHECKS

_RUN_TIMES = (
    (
        "DELETE FROM run_time WHERE (workflow, key, task_id, epoch, ms) NOT IN"
        f" (SELECT workflow, key, task_id, epoch, ms FROM ({REAL_RUN_TIMES}))"
    ),
    f"INSERT OR IGNORE INTO run_time (workflow, key, task_id, epoch, ms) {REAL_RUN_TIMES}",
)
_UNKNOWN = (
    f"SELECT newest.data, newest.task_id, newest.family FROM ({REAL_FAMILIES}) r"
    f" JOIN {FAMILY_EVENTS} newest ON newest.id = r.newest WHERE r.family NOT IN (SELECT id FROM family)"
)
_MAKE = (
    "INSERT INTO family (id, code, pattern, message, task_id, first_at, last_at, failures)"
    " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, 0, 0, 0)"
)
_FAMILIES = (
    "DELETE FROM family_job",
    "DELETE FROM family_hour",
    f"DELETE FROM family WHERE purged = 0 AND id NOT IN (SELECT family FROM {FAMILY_EVENTS})",
    "UPDATE family SET failures = purged",
    (
        "UPDATE family SET failures = purged + r.n,"
        " first_at = CASE WHEN purged THEN min(family.first_at, r.first_at) ELSE r.first_at END,"
        " last_at = CASE WHEN purged THEN max(family.last_at, r.last_at) ELSE r.last_at END"
        f" FROM ({REAL_FAMILIES}) r WHERE r.family = family.id"
    ),
    "UPDATE family SET failed = 0, retrying = 0, jobs = 0",
    (
        "UPDATE family SET failed = r.failed, retrying = r.retrying, jobs = r.jobs"
        f" FROM ({REAL_FAMILY_TASKS}) r WHERE r.family = family.id"
    ),
    (
        f"INSERT INTO family_job (family, job_id, n) SELECT * FROM ({REAL_FAMILY_JOBS})"
        " WHERE family IN (SELECT id FROM family)"
    ),
    f"INSERT INTO family_hour (family, at, n) {REAL_FAMILY_HOURS}",
    (
        "DELETE FROM family_hour WHERE at <= (SELECT max(newest.at) FROM family_hour newest"
        f" WHERE newest.family = family_hour.family) - {FAMILY_KEPT}"
    ),
)
# Of a task that is gone the queue is not known, and its end is not counted any more.
_ENDED = (
    f"DELETE FROM ended WHERE at % {BUCKET} != 0 OR at > (SELECT at - {KEPT} FROM {NEWEST_EVENT})",
    (
        "INSERT INTO ended (at, queue, status, n)"
        f" SELECT ends.at - ends.at % {BUCKET}, t.queue, ends.status, count(*) FROM ({ENDED_EVENTS}) ends"
        f" JOIN {NEWEST_EVENT} JOIN task t ON t.id = ends.task_id"
        f" WHERE ends.at - ends.at % {BUCKET} > newest.at - {KEPT} GROUP BY 1, 2, 3"
    ),
)
_GAUGES = (
    (
        "UPDATE gauge SET used = r.used, reserved = r.reserved, unknown = r.unknown, recent = r.recent,"
        " opens_at = CASE WHEN waited_for THEN 0 ELSE opens_at END"
        f" FROM ({REAL_GAUGES}) r WHERE r.id = gauge.id"
    ),
    (
        "UPDATE gauge SET trial = 0 WHERE trial > 0 AND NOT EXISTS (SELECT 1 FROM attempt a"
        " JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m"
        " WHERE a.task_id = gauge.trial AND a.status = 'running' AND m.value = gauge.id)"
    ),
)
_UP = (
    "UPDATE gauge SET down_at = NULL, opens_at = CASE WHEN waited_for THEN 0 ELSE opens_at END"
    f" WHERE id IN (SELECT g.id FROM gauge g WHERE {UNTRUE_DOWN})"
)
_BACKEND_FAILURES = (
    (
        "DELETE FROM backend_failure WHERE NOT EXISTS (SELECT 1 FROM attempt a"
        " WHERE a.task_id = backend_failure.task_id AND a.epoch = backend_failure.epoch"
        " AND a.status IN ('failed', 'timed_out'))"
    ),
)
# What is right stays: of a key whose task is gone only the table knows, and when a rerun took one.
_ONCE_KEYS = (
    *(f"DELETE FROM once_key WHERE key IN (SELECT key FROM ({one.sql}))" for one in ONCE_CHECKS),
    f"INSERT OR IGNORE INTO once_key (key, task_id, lasts, free_at, taken_at) {REAL_ONCE_KEYS}",
)
_TABLES = (
    ("run_time", _RUN_TIMES),
    ("family", _FAMILIES),
    ("ended", _ENDED),
    ("gauge", (*_GAUGES, _UP)),
    ("backend_failure", _BACKEND_FAILURES),
    ("once_key", _ONCE_KEYS),
    ("variable", ("DELETE FROM variable WHERE job_id NOT IN (SELECT id FROM job)",)),
    ("instance_page", ("DELETE FROM instance_page WHERE set_id NOT IN (SELECT id FROM instance_set)",)),
)


def apply_recount(batch: Batch, _: Recount) -> int:
    """Make what is kept beside tasks, attempts and events again where it is wrong; return how often.

    Each count that was wrong and is right now is an event. What the batch did so far counts.
    """
    batch.flush_facts()
    batch.gauges.forget()
    wrong = _wrong(batch)
    tables = {code.partition(".")[0] for code in wrong}
    if "family" in tables:
        _make_families(batch)
    for table, statements in _TABLES:
        for statement in statements if table in tables else ():
            batch.run(statement)
    still = _wrong(batch)
    repaired = {code: found for code, found in wrong.items() if code not in still}
    return sum(note_repair(batch, None, {"what": code, "rows": found}) for code, found in repaired.items())


def _wrong(batch: Batch) -> dict[str, int]:
    found = {one.code: len(batch.rows(one.sql)) for one in DERIVED_CHECKS}
    return {code: rows for code, rows in found.items() if rows}


def _make_families(batch: Batch) -> None:
    """Make the families that events name and the table does not have."""
    for data, task_id, id_ in batch.rows(_UNKNOWN):
        event = json_or_note(data)
        error = event.get("error") if isinstance(event, dict) else None
        known: JsonObject = error if isinstance(error, dict) else {}
        family = batch.rules.family_of(known)
        message = str(known.get("message") or "")[:MESSAGE_CHARS]
        batch.run(_MAKE, id_, raw(family.code), raw(family.pattern), raw(message), task_id)
