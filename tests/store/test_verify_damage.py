"""The verification looks at each column of each table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.damage import find_damage
from core.store.database import is_trouble, open_writer
from core.store.tables.schema import metadata
from core.store.verify import verify_read_only
from core.store.verify.row_rules import broken_rules
from core.store.verify.stored_texts import unreadable_texts
from core.store.verify.text_bytes import undecodable_texts
from tests.store.deck import Deck
from tests.support.damage import Damage, damages, do, fill


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    made = Deck(tmp_path_factory.mktemp("deck") / "deck.db", fill=fill)
    yield made
    made.close()


def named(deck: Deck, damage: Damage) -> set[str]:
    """Return the columns of a table that are named where a damage stands in it."""
    deck.db.execute("SAVEPOINT damage")
    try:
        if not do(deck.db, damage):
            return {damage.column}
        found = [
            *broken_rules(deck.db, most=100, tables=(damage.table,)),
            *(one.broken for one in undecodable_texts(deck.db, most=100, tables=(damage.table,))),
            *(unreadable_texts(deck.db, most=100) if damage.kind == "cut" else ()),
        ]
        return {str(one.facts["column"]) for one in found if one.facts["table"] == damage.table}
    finally:
        deck.db.execute("ROLLBACK TO damage")
        deck.db.execute("RELEASE damage")


def test_the_store_of_these_tests_has_a_row_of_each_table(deck: Deck) -> None:
    for table in metadata.sorted_tables:
        assert deck.db.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0], table.name


@pytest.mark.parametrize("table", [table.name for table in metadata.sorted_tables])
def test_each_column_that_holds_a_value_of_another_kind_is_named(deck: Deck, table: str) -> None:
    missed = [
        damage
        for damage in damages()
        if damage.table == table and damage.is_always_named and damage.column not in named(deck, damage)
    ]
    assert not missed


def test_bytes_that_are_no_text_are_named_and_read_as_escapes(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db", fill=fill)
    deck.change("UPDATE task SET name = CAST(x'61ff62' AS TEXT) WHERE id = 3")
    deck.change("UPDATE once_key SET key = CAST(x'ff' AS TEXT)")
    assert deck.db.execute("SELECT name FROM task WHERE id = 3").fetchone() == ("a\\xffb",)
    found = {one.facts["table"]: one for one in verify_read_only(deck.db) if one.code == "store.rule"}
    deck.close()
    assert found["task"].facts == {"table": "task", "row": "3", "rule": "`name` is UTF-8", "column": "name"}
    assert found["once_key"].facts["row"] == "\\xff"
    assert "it is X'61FF62'" in found["task"].message


def test_lone_surrogates_are_no_damage(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.change("UPDATE job SET reason = CAST(x'eda080' AS TEXT)")
    assert deck.db.execute("SELECT reason FROM job").fetchone() == ("\ud800",)
    assert not list(undecodable_texts(deck.db, most=1))
    deck.close()


def test_an_engine_opens_a_store_whose_rows_break_rules(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db", fill=fill)
    deck.change("UPDATE job SET finished_at = NULL WHERE id = 2")
    deck.db.execute("PRAGMA ignore_check_constraints = OFF")
    deck.close()
    open_writer(tmp_path / "deck.db", synchronous="NORMAL", now=1).close()
    (row,) = find_damage(tmp_path / "deck.db").rows
    assert (row.facts["table"], row.facts["row"], row.facts["rule"]) == ("job", "2", "CHECK job_finished")


def test_rows_at_fault_are_left_out_of_the_views_and_json_that_may_be_null_alone(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db", fill=fill)
    deck.change("UPDATE task SET priority = 'high' WHERE id = 1")
    deck.change("UPDATE task SET output = '{', key = CAST(x'ff' AS TEXT) WHERE id = 2")
    deck.change("UPDATE task SET output = '{' WHERE id = 3")
    deck.change("UPDATE task SET spec = '{' WHERE id = 4")
    for view in find_damage(tmp_path / "deck.db").views:
        deck.db.execute(view)
    assert deck.db.execute("SELECT id, output FROM task").fetchall() == [(3, None)]
    deck.close()


def test_a_row_with_several_faults_is_named_once(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db", fill=fill)
    deck.change("UPDATE task SET spec = x'ff', name = CAST(x'ff' AS TEXT) WHERE id = 1")
    deck.change("UPDATE gset SET prefer = CAST(x'ff' AS TEXT)")
    deck.close()
    named = [(one.facts["table"], one.facts["row"]) for one in find_damage(tmp_path / "deck.db").rows]
    assert named == [("task", "1"), ("gset", "1")]


def test_json_of_a_row_that_cannot_be_read_is_not_trouble_of_the_store(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    with pytest.raises(sqlite3.OperationalError) as malformed:
        deck.db.execute("SELECT value FROM json_each('[None]')").fetchall()
    assert not is_trouble(malformed.value)
    with pytest.raises(sqlite3.OperationalError) as missing:
        deck.db.execute("SELECT * FROM nothing")
    assert is_trouble(missing.value)
    deck.close()
