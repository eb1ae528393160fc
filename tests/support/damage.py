"""Stores with a row of every table, and damages of their columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Column, Integer

from core.model.commands.limits import Configure
from core.model.commands.work import FollowUp
from core.model.limits.limit_forms import to_text
from core.model.limits.limits import Limit, LimitKind, LimitRef, Pool
from core.model.outcomes import Succeeded
from core.model.plans import TaskPlan
from core.store.tables.schema import metadata
from core.store.verify.stored_texts import COLUMNS
from tests.store.deck import Deck, failure, stage, task

_JSON_ROWS = (
    """INSERT INTO schedule (id, name, body, handled_at, created_at) VALUES
     (9, 'nightly', '{"name":"nightly","timing":{"every_ms":60000}}', 5, 1)""",
    """INSERT INTO work_item (id, task_id, title, text, form, submitter, created_at, on_due, quorum,
     four_eyes, on_deny, answer) VALUES (1, 1, '?', '', '[]', 'ann', 1, 'fail', 1, 0, 'fail', '{}')""",
    """INSERT INTO work_item_entry (id, item_id, at, kind, actor, person, data)
     VALUES (1, 1, 1, 'approved', 'ann', 'ann', '{}')""",
    "INSERT INTO variable (job_id, name, position, value) VALUES (2, 'n', 0, '1')",
    "INSERT INTO instance_page VALUES (99, 0, '[1]')",
    "INSERT INTO signal (name, key, data, at, expires_at) VALUES ('go', '', 'null', 1, 2)",
    "INSERT INTO payload (hash, body) VALUES ('h', '[]')",
    "INSERT INTO definition VALUES ('h', 'x', '{}', 1)",
    "UPDATE limit_rule SET changed = '{\"max\":3}'",
    "UPDATE pool SET changed = '{\"slots\":3}'",
    "UPDATE retention SET found = '{}'",
    "UPDATE job SET documents = '{}', outputs = '{}' WHERE id = 2",
    "UPDATE gset SET prefer = '[\"default\"]'",
    "UPDATE gauge SET recent = '[]'",
    "UPDATE attempt SET held = '{\"1\":2}', seen = 'null'",
    "UPDATE task SET cost = '{\"usd\":2}' WHERE id = 1",
)
"""One row at least of every kind of JSON that the store keeps."""


_MORE_ROWS = (
    "INSERT INTO check_change VALUES (1, 'api', 5, 'up', 'ok', 3)",
    """INSERT INTO entry (id, at, task_id, epoch, unit, amount, kind, counted_at, job_id, pool, project,
     workflow, key, queue, model, price, actor, reason) VALUES (1, 5, 3, 1, 'usd', 1000, 'settled', 5, 1,
     'default', 'p', 'work', 'a', 'default', 'm', 'none', 'ann', 'why')""",
    """INSERT INTO notice VALUES (1, 'ops', 'task.failed', 3, 5, 'text', 2, 1, 'one', 'waiting', 0, NULL, 9,
     NULL, 'error'), (2, 'ops', 'task.failed', 3, 5, 'text', 2, 1, 'two', 'sent', 0, NULL, 9, 7, NULL)""",
    "INSERT INTO notice_cursor VALUES ('ops', 3)",
    "INSERT INTO once_key VALUES ('\"k\"', 3, 'ever', NULL, 5)",
    "INSERT INTO purge VALUES (77, 3, 0)",
    "INSERT INTO purged VALUES ('job', 70, 71, 3)",
    "INSERT INTO removal VALUES (99, 1)",
    "INSERT INTO run_time VALUES ('work', 'a', 1, 1, 100)",
    "INSERT INTO workflow VALUES ('wf', 1, 'h', 'wf.yaml', '/tmp', 1, 5, 'ann')",
    "INSERT INTO workflow_text VALUES ('h', 'name: wf')",
    """INSERT INTO expectation VALUES (1, 9, NULL, 60000, 5, 100000, NULL),
     (2, NULL, 'wf', 60000, 5, 100000, 7)""",
    """INSERT INTO fire VALUES (9, 100, 'submitted', 'timed', 2, 101, 1, NULL, 'ann', 'why'),
     (9, 90, 'missed', 'timed', NULL, 101, 2, 80, 'ann', 'why')""",
    "INSERT INTO backend_failure SELECT id, 'exit', 5, 1, 1 FROM gauge LIMIT 1",
    "INSERT INTO instance_set VALUES (99, 2, 1, 1, 3, 2, 1, 1, 'd', NULL, 0)",
    "INSERT INTO pinned_text VALUES (2, 'h')",
    "INSERT INTO artifact VALUES (1, 1, 'out', 0, 'out.txt', 3, 'h')",
    """INSERT INTO awaited (task_id, due_at, until, fails_at, name, key, path, root, stable_ms, url, every_ms)
     VALUES (2, 1000, 1000, 2000, 'go', 'k', '/tmp/x', '/tmp', 10, 'http://x', 500)""",
    "INSERT INTO followup VALUES ('task', 999)",
)
_JSON = {(one.table, one.column) for one in COLUMNS}
_OF_ANOTHER_KIND = {"cut": "'{'", "number": "'5'", "list": "'[1]'", "word": "'\"a\"'"}


class Damage(NamedTuple):
    """What is written into a column of every row that takes it: SQL, and what kind of damage that is."""

    table: str
    column: str
    kind: str
    value: str

    @property
    def is_always_named(self) -> bool:
        """Whether it breaks a rule wherever it stands, as JSON of another kind does not."""
        return self.kind not in _OF_ANOTHER_KIND or self.kind == "cut"


def fill_json(deck: Deck) -> None:
    """Store one row at least of every kind of JSON."""
    limit = Limit(name="api", kind=LimitKind.CONCURRENCY, max=5)
    deck.do(Configure(limits=(limit,)))
    deck.do(FollowUp())
    deck.job(stage(task("a"), task("b", "a")))
    deck.loose(TaskPlan(key="c", uses="delay", limits=(LimitRef(name="api"),)), task("d"))
    for attempt in deck.claim():
        deck.end(attempt, outcome=failure() if attempt[0] % 2 else Succeeded(output={"n": 1}))
    body = to_text(Pool(name="other", slots=4))
    deck.change("INSERT INTO pool (name, position, body) VALUES ('other', 1, ?)", body)
    for statement in _JSON_ROWS:
        deck.change(statement)


def fill(deck: Deck) -> None:
    """Store a row at least in each table."""
    fill_json(deck)
    for statement in _MORE_ROWS:
        deck.change(statement)


def damages() -> Iterator[Damage]:
    """Yield for each column of each table a value of each other kind."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            for kind, value in _values(table.name, column).items():
                yield Damage(table.name, column.name, kind, value)


def _values(table: str, column: Column[object]) -> dict[str, str]:
    if isinstance(column.type, Integer):
        return {"text": "'high'", "fraction": "1.5", "blob": "x'ff'"}
    json = _OF_ANOTHER_KIND if (table, column.name) in _JSON else {}
    return {"blob": "x'ff00'", "bytes": "CAST(x'ff61' AS TEXT)", **json}


def inflict(path: Path, damage: Damage) -> int:
    """Write it into all rows that take it; return how many did: a number is no key of rowid tables."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return do(db, damage)


def do(db: sqlite3.Connection, damage: Damage) -> int:
    """Do the same on a connection."""
    db.execute("PRAGMA ignore_check_constraints = ON")
    statement = f'UPDATE OR IGNORE "{damage.table}" SET "{damage.column}" = {damage.value}'
    try:
        return db.execute(statement).rowcount
    except sqlite3.IntegrityError:
        # The id of a row is a number, whatever is written there.
        return 0
