"""Stored JSON that cannot be read is named by its row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.plans import RetryPolicy, TaskPlan
from core.store.tables.schema import metadata
from core.store.verify import verify
from core.store.verify.stored_texts import COLUMNS, unreadable_texts
from tests.store.deck import Deck
from tests.support.damage import fill_json
from tests.support.steps import counted_calls, counted_sql


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db", fill=fill_json)
    yield made
    made.close()


def named(deck: Deck) -> list[str]:
    return [f"{one.facts['table']}.{one.facts['column']}" for one in unreadable_texts(deck.db, most=20)]


def test_what_can_be_read_is_no_finding(deck: Deck) -> None:
    assert named(deck) == []


@pytest.mark.parametrize("column", COLUMNS, ids=lambda one: f"{one.table}.{one.column}")
def test_each_stored_text_that_is_not_json_is_named_with_its_row(deck: Deck, column: object) -> None:
    table, name = column.table, column.column  # type: ignore[attr-defined]
    first = f"SELECT min({column.row}) FROM {table} WHERE {name} IS NOT NULL"  # type: ignore[attr-defined]
    ((row,),) = deck.db.execute(first).fetchall()
    deck.change(f"UPDATE {table} SET {name} = '{{' WHERE {column.row} = (SELECT * FROM ({first}))")  # type: ignore[attr-defined]
    (found,) = [one for one in verify(deck.db) if one.code == "store.unreadable"]
    assert (found.facts["table"], found.facts["column"], found.facts["row"]) == (table, name, str(row))
    assert f"`{name}` of {table} {row} cannot be read" in found.message
    assert "restore a backup" in found.message


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ("UPDATE task SET spec = json_set(spec, '$.on_loss', 'perhaps') WHERE id = 1", "task.spec"),
        ("UPDATE task SET spec = '[1]' WHERE id = 1", "task.spec"),
        ("UPDATE task SET spec = '' WHERE id = 1", "task.spec"),
        ("UPDATE schedule SET body = '{}'", "schedule.body"),
        ("UPDATE schedule SET body = json_set(body, '$.timing.cron', '* * * * *')", "schedule.body"),
        ("UPDATE work_item SET form = '[1]'", "work_item.form"),
        ('UPDATE limit_rule SET body = \'{"kind":"concurrency"}\'', "limit_rule.body"),
        ("UPDATE gset SET gauges = '[\"a\"]'", "gset.gauges"),
        ("UPDATE job SET params = '[]' WHERE id = 2", "job.params"),
    ],
)
def test_json_that_the_engine_cannot_read_is_named(deck: Deck, statement: str, column: str) -> None:
    deck.change(statement)
    assert named(deck) == [column]


def test_what_the_engine_reads_though_the_database_does_not_is_no_finding(deck: Deck) -> None:
    """Python reads `NaN`, and what is nested deeper than the functions of the database allow."""
    deep = "[" * 900 + "]" * 900
    deck.change(
        f"UPDATE task SET output = '[NaN, Infinity]', spec = json_set(spec, '$.with', json('{deep}'))"
    )
    assert named(deck) == []


def test_a_removed_schedule_is_not_read(deck: Deck) -> None:
    deck.change("UPDATE schedule SET body = '{', removed_at = 1")
    assert named(deck) == []


def test_other_faults_are_found_beside_texts_that_cannot_be_read(deck: Deck) -> None:
    deck.change("UPDATE schedule SET body = '{'")
    deck.change("UPDATE event SET data = '{' WHERE kind = 'job.created'")
    deck.change("UPDATE variable SET value = '{'")
    deck.change("""UPDATE task SET output = '{"$payload":' WHERE id = 1""")
    deck.change("UPDATE stage SET open_tasks = open_tasks + 1 WHERE id = 2")
    codes = {one.code for one in verify(deck.db)}
    assert {"store.unreadable", "stage.open_tasks"} <= codes
    assert "store.corrupt" not in codes


def test_every_column_of_json_is_looked_at() -> None:
    """A column whose name says JSON elsewhere is in the list."""
    words = {
        "body",
        "params",
        "meta",
        "output",
        "outputs",
        "error",
        "data",
        "spec",
        "documents",
        "form",
        "answer",
    }
    wanted = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.c
        if column.name in words
    }
    text = {("workflow_text", "body"), ("notice", "error")}
    assert wanted - text <= {(one.table, one.column) for one in COLUMNS}


def test_a_task_that_is_read_costs_little(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "many.db")
    retry = RetryPolicy(max_attempts=3)
    deck.loose(
        *(TaskPlan(key=f"t{n}", uses="shell", with_={"argv": [str(n)]}, retry=retry) for n in range(4_000))
    )
    with counted_sql(deck.db) as instructions, counted_calls() as calls:
        assert not list(unreadable_texts(deck.db, most=20))
    deck.close()
    assert instructions.number < 100 * 4_000
    assert calls.number < 8 * 4_000
