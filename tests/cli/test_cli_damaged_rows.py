"""Commands show the rows beside damaged ones, and name these."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.cli.main import main
from core.cli.output import put, put_bytes
from core.cli.second_run import SecondRun, second_run
from core.model.errors import Conflict, Unavailable
from tests.cli.cli_stage import Deck as Lines
from tests.store.deck import Deck
from tests.support.damage import fill


@pytest.fixture
def store(home: Path) -> Path:
    home.mkdir(mode=0o700)
    deck = Deck(home / "taskdeck.db", fill=fill)
    deck.close()
    deck.path.chmod(0o600)
    return deck.path


def damage(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        assert db.execute(statement).rowcount


@pytest.mark.parametrize(
    ("command", "statement", "named", "shown"),
    [
        ("tasks", "UPDATE task SET created_at = x'ff' WHERE id = 1", "row 1 of task", " d "),
        ("tasks --json", "UPDATE task SET job_id = x'ff' WHERE id = 1", "row 1 of task", '"key": "d"'),
        ("events", "UPDATE event SET at = 1.5 WHERE id = 1", "row 1 of event", "job.created"),
        ("jobs", "UPDATE job SET created_at = 'high' WHERE id = 2", "row 2 of job", ""),
        ("queues", "UPDATE queue SET paused_at = 'high'", "row default of queue", ""),
        ("health", "UPDATE check_change SET status = x'ff'", "row 1 of check_change", "wf"),
        ("failures", "UPDATE family SET last_at = 'high'", "of family", ""),
    ],
)
def test_a_command_shows_the_rows_beside_a_damaged_one_and_names_that(
    deck: Lines, store: Path, command: str, statement: str, named: str, shown: str
) -> None:
    sound = deck(*command.split()).status
    damage(store, statement)
    ended = deck(*command.split())
    assert ended.status == sound, ended
    assert "left out: row" in ended.err
    assert named in ended.err
    assert shown in ended.out


def test_what_is_asked_by_the_id_of_a_damaged_row_is_refused_with_its_name(deck: Lines, store: Path) -> None:
    damage(store, "UPDATE job SET created_at = 'high' WHERE id = 2")
    ended = deck("show", "2")
    assert ended.status == 4
    assert "error[store.row]: row 2 of job breaks a rule of its table: `created_at` is a whole" in ended.err
    assert "doctor" in ended.err


def test_a_command_that_wrote_a_part_goes_on_behind_it(deck: Lines, store: Path) -> None:
    damage(store, "UPDATE task SET job_id = x'ff' WHERE id = 2")
    ended = deck("tasks", "--json")
    assert ended.status == 0
    assert [one["id"] for one in ended.objects] == [4, 3, 1]
    assert "left out: row 2 of task" in ended.err


def test_a_command_whose_first_part_came_of_a_damaged_row_says_so(deck: Lines, store: Path) -> None:
    damage(store, "UPDATE task SET priority = 'high' WHERE id = 4")
    damage(store, "UPDATE task SET job_id = x'ff' WHERE id = 1")
    ended = deck("tasks", "--json")
    assert ended.status == 4
    assert [one["id"] for one in ended.objects] == [4, 3, 2]
    assert '"store.row"' in ended.err


def test_a_command_that_wrote_what_only_damaged_rows_could_tell_says_so(deck: Lines, store: Path) -> None:
    damage(store, "UPDATE task SET priority = 'high' WHERE id = 4")
    damage(store, "UPDATE task SET job_id = x'ff' WHERE id < 4")
    ended = deck("tasks", "--json")
    assert ended.status == 4
    assert [one["id"] for one in ended.objects] == [4]
    assert '"store.row"' in ended.err


def test_an_error_of_a_command_on_a_sound_store_stays_one(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del store
    runs = []

    def broken(*_: object, **__: object) -> None:
        runs.append(1)
        raise KeyError("ours")

    monkeypatch.setattr("core.cli.output._write", broken)
    with pytest.raises(KeyError, match="ours"):
        main(["queues"])
    assert 1 <= len(runs) <= 3


def test_a_command_that_may_have_changed_something_is_not_run_twice(
    deck: Lines, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(store, "UPDATE notice SET at = 'high' WHERE id = 1")
    runs = []

    def broken(*_: object, **__: object) -> None:
        runs.append(1)
        raise KeyError("ours")

    monkeypatch.setattr("core.cli.verbs.report_changes", broken)
    with pytest.raises(KeyError, match="ours"):
        deck("pause", "2")
    assert len(runs) == 1
    assert not second_run.begin(KeyError())


def test_doctor_names_the_row_and_the_column(deck: Lines, store: Path) -> None:
    damage(store, "UPDATE counter SET ref = x'ff' WHERE scope = 'job' AND status = 'failed' AND ref = '2'")
    damage(store, "UPDATE family SET message = CAST(x'ff' AS TEXT)")
    ended = deck("doctor")
    assert ended.status == 4
    assert "of counter breaks a rule of its table: `ref` is a text" in ended.out
    assert "of family breaks a rule of its table: `message` is UTF-8" in ended.out


@pytest.fixture
def reading() -> SecondRun:
    """A command that reads and has written two pieces, one of text and one of bytes."""
    run = SecondRun()
    run.reads = True
    assert (run.unwritten("one\n"), run.unwritten(b"\xff\n")) == ("one\n", b"\xff\n")
    return run


def test_a_second_run_writes_what_goes_beyond_the_first(reading: SecondRun) -> None:
    assert reading.begin(KeyError())
    assert [reading.unwritten(text) for text in ("on", "e\n", "")] == ["", "", ""]
    assert reading.unwritten(b"\xff\nmore") == b"more"
    assert reading.unwritten("and more") == "and more"
    reading.end()


def test_what_differs_from_what_was_written_is_not_gone_on_with(reading: SecondRun) -> None:
    assert reading.begin(KeyError())
    with pytest.raises(Unavailable, match="damaged rows"):
        reading.unwritten("one\ntwo\n")


def test_less_than_was_written_is_not_the_answer(reading: SecondRun) -> None:
    assert reading.begin(KeyError())
    assert reading.unwritten("one\n") == ""
    with pytest.raises(Unavailable, match="damaged rows"):
        reading.end()


def test_a_refusal_is_the_answer_of_its_command(reading: SecondRun) -> None:
    assert not reading.begin(Conflict("job.ended", "it has ended"))
    assert reading.begin(Unavailable("engine.garbled", "what the engine answers cannot be understood"))
    assert not reading.begin(KeyError()), "a command has two runs at the most"


def test_what_reads_and_then_may_change_something_has_one_run(reading: SecondRun) -> None:
    reading.changes = True
    assert not reading.begin(KeyError())


def test_text_and_bytes_are_written_once_by_both_runs(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    second_run.reset()
    second_run.reads = True
    put("text\n")
    put_bytes(b"\xff\n")
    assert second_run.begin(KeyError())
    put("text\n")
    put_bytes(b"\xff\nmore\n")
    second_run.reset()
    assert capfdbinary.readouterr().out == b"text\n\xff\nmore\n"
