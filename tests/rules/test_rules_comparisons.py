"""What differs between two jobs."""

from __future__ import annotations

import pytest

from core.model.comparisons import Change, TaskRun
from core.model.values import JsonValue
from core.rules.comparisons import (
    VALUES_MOST,
    changed_outputs,
    changed_tasks,
    changed_values,
    costs_of,
    counts_of,
    is_other_time,
)


def run(number: int, key: str, status: str = "succeeded", **more: object) -> TaskRun:
    return TaskRun(task_id=number, key=key, status=status, **{"attempts": 1, "took": 100, **more})  # type: ignore[arg-type]


def test_tasks_are_compared_by_key_in_the_order_of_the_second_job() -> None:
    old = [run(1, "a"), run(2, "gone"), run(3, "b", "failed"), run(4, "c")]
    new = [run(5, "new"), run(6, "b"), run(7, "a"), run(8, "c")]
    changes = changed_tasks(old, new, {8})
    assert [(one.key, one.change) for one in changes] == [
        ("new", Change.ADDED),
        ("b", Change.CHANGED),
        ("c", Change.CHANGED),
        ("gone", Change.REMOVED),
    ]
    assert [one.output_differs for one in changes] == [False, False, True, False]
    assert counts_of(changes, len(new)) == {"added": 1, "removed": 1, "changed": 2, "same": 1}


@pytest.mark.parametrize(
    "more",
    [
        {"status": "failed"},
        {"attempts": 2},
        {"tolerated": True},
        {"cost": {"usd": 1}},
        {"error": {"code": "x"}},
        {"took": 5_000},
    ],
)
def test_each_of_these_is_a_difference(more: dict[str, object]) -> None:
    (change,) = changed_tasks([run(1, "a")], [run(2, "a", **more)], set())  # type: ignore[arg-type]
    assert change.took_differs is ("took" in more)


def test_the_words_of_an_error_and_a_little_time_are_none() -> None:
    old, new = run(1, "a", error={"code": "x", "message": "1"}), run(2, "a", error={"code": "x"}, took=900)
    assert changed_tasks([old], [new], set()) == []


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        (100, 900, False),
        (1_000, 2_000, True),
        (10_000, 12_000, False),
        (None, 9_000, False),
        (9_000, 10, True),
    ],
)
def test_durations_differ_by_a_factor_and_a_second(
    before: int | None, after: int | None, differs: bool
) -> None:
    assert is_other_time(before, after) is differs


def test_a_value_that_is_missing_is_not_one_that_is_null() -> None:
    changes = [*changed_values({"a": None, "b": 1, "same": 2}, {"b": 2, "c": None, "same": 2})]
    assert [(one.name, one.was_there, one.is_there) for one in changes] == [
        ("a", True, False),
        ("b", True, True),
        ("c", False, True),
    ]


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        (1, 1, []),
        (1, 2, [""]),
        ({"rows": [1, 2], "path": "x"}, {"rows": [1, 3, 4], "path": "y"}, ["rows.1", "rows.2"]),
        ({"a": {"path": "x"}}, {"a": {"path": "y"}}, ["a.path"]),
        ({"a": [1]}, {"a": {"0": 1}}, ["a"]),
        ([1], "x", [""]),
    ],
)
def test_outputs_differ_at_paths_but_for_the_place_where_they_lie(
    before: JsonValue, after: JsonValue, names: list[str]
) -> None:
    assert [change.name for change in changed_outputs(before, after)] == names


def test_only_the_first_values_that_differ_are_told_however_deep_they_are() -> None:
    assert len(changed_outputs([*range(1_000)], [*range(1, 1_001)])) == VALUES_MOST
    deep: JsonValue = 1
    other: JsonValue = 2
    for _ in range(200):
        deep, other = [deep], [other]
    assert len(changed_outputs(deep, other)) == 1


def test_costs_are_added_up_by_unit() -> None:
    assert costs_of([run(1, "a", cost={"usd": 2}), run(2, "b", cost={"usd": 3, "calls": 1})]) == {
        "usd": 5,
        "calls": 1,
    }
