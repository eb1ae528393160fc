"""Tests of verification: rules of tables, in files opened for reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from core.store.database import open_writer
from core.store.tables.schema import metadata
from core.store.verify import MOST, verify_path
from core.store.verify.row_rules import broken_rules, rules_of
from tests.store.deck import Deck, stage, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.job(stage(task("a"), task("b", "a")), on_task_failure="finish")
    yield made
    made.close()


BROKEN = {
    "UPDATE task SET wait_reason = '{}' WHERE key = 'a'": ("task", "CHECK task_wait_reason", None),
    "UPDATE counter SET n = -4 WHERE scope = 'queue'": ("counter", "CHECK counter_n", None),
    "UPDATE task SET priority = 'high' WHERE key = 'b'": ("task", "`priority` is a whole number", "priority"),
    "UPDATE task SET name = x'ff' WHERE key = 'b'": ("task", "`name` is a text", "name"),
    "UPDATE task SET retry_at = 9223372036854775807 WHERE key = 'b'": (
        "task",
        "`retry_at` is a moment",
        "retry_at",
    ),
    "UPDATE job SET created_at = 'today' WHERE name = 'work'": (
        "job",
        "`created_at` is a whole number",
        "created_at",
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_row_that_breaks_a_rule_of_its_table_is_named(deck: Deck, damage: str, tmp_path: Path) -> None:
    deck.change(damage)
    # As `doctor` opens it: SQLite itself looks at no CHECK of such a file.
    found = [one for one in verify_path(tmp_path / "deck.db") if one.code == "store.rule"]
    table, rule, column = BROKEN[damage]
    assert found
    assert {(one.facts["table"], one.facts["rule"], one.facts["column"]) for one in found} == {
        (table, rule, column)
    }
    assert all(f" of {table} breaks a rule of its table: {rule}" in one.message for one in found)


def test_every_column_and_every_check_of_every_table_is_a_rule(tmp_path: Path) -> None:
    for table in metadata.sorted_tables:
        checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        assert len(rules_of(table.name)) >= len(table.columns) + len(checks)
    connection = open_writer(tmp_path / "deck.db", synchronous="NORMAL", now=1)
    assert list(broken_rules(connection, most=MOST)) == []
    connection.close()


def test_of_a_table_no_more_rows_than_asked_for_are_named(deck: Deck) -> None:
    deck.change("UPDATE task SET tries = 'x'")
    assert len(list(broken_rules(deck.db, most=1))) == 1
