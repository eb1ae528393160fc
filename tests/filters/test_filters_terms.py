"""Terms: globs, and the columns that fields read."""

from __future__ import annotations

import pytest

from core.filters.fields import FIELDS, Kind, Noun
from core.filters.terms import Glob, field_of
from core.model.events import EventView
from core.model.failures import FamilyView
from core.model.records import names_of
from core.model.views import JobView, QueueView, TaskView
from core.render.item_lines import ItemLine
from core.render.schedule_lines import ScheduleLine

VIEWS = {
    Noun.JOBS: JobView,
    Noun.TASKS: TaskView,
    Noun.EVENTS: EventView,
    Noun.QUEUES: QueueView,
    Noun.FAILURES: FamilyView,
    Noun.SCHEDULES: ScheduleLine,
    Noun.ITEMS: ItemLine,
}
COMPUTED = {"depth", "noise", "tasks"}
"""Columns that a view works out."""


@pytest.mark.parametrize(
    ("parts", "text", "matches"),
    [
        (("", ""), "", True),
        (("a", "a"), "a", False),
        (("a", "a"), "aa", True),
        (("", "a", "b", ""), "ba", False),
        (("", "a", "b", ""), "aba", True),
        (("", "a", "a", ""), "a", False),
        (("", "ab", "ab", ""), "abab", True),
        (("", "ab", "ab", ""), "ab", False),
        (("", "ab", "b"), "ab", False),
        (("", "ab", "b"), "abb", True),
        (("a", "ab", ""), "ab", False),
        (("a", "b", "c", "d"), "a-b-c-d", True),
        (("a", "c", "b", "d"), "a-b-c-d", False),
        (("A", ""), "a", False),
    ],
)
def test_a_glob_is_its_parts_in_order(parts: tuple[str, ...], text: str, matches: bool) -> None:
    assert Glob(parts=parts).matches(text) is matches


@pytest.mark.parametrize("noun", Noun)
def test_every_field_reads_a_column_of_its_view(noun: Noun) -> None:
    columns = set(names_of(VIEWS[noun])) | COMPUTED
    for field in FIELDS[noun].fields:
        for column in field.column.split(":"):
            assert column.partition(".")[0] in columns, field.name
    assert set(FIELDS[noun].searched) <= columns


@pytest.mark.parametrize(
    ("noun", "name", "kind", "column"),
    [
        (Noun.JOBS, "STATE", Kind.CHOICE, "status"),
        (Noun.JOBS, "ended", Kind.TIME, "finished_at"),
        (Noun.TASKS, "prio", Kind.NUMBER, "priority"),
        (Noun.TASKS, "connector", Kind.TEXT, "uses"),
        (Noun.TASKS, "error", Kind.TEXT, "error.message"),
        (Noun.TASKS, "age", Kind.AGE, "created_at"),
        (Noun.EVENTS, "at", Kind.TIME, "at"),
        (Noun.QUEUES, "queued", Kind.NUMBER, "depth"),
    ],
)
def test_fields_are_found_by_name_and_alias_in_any_case(
    noun: Noun, name: str, kind: Kind, column: str
) -> None:
    field = field_of(noun, name)
    assert (field.kind, field.column) == (kind, column)


def test_an_unknown_field_is_a_key_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="nothing"):
        field_of(Noun.TASKS, "nothing")
