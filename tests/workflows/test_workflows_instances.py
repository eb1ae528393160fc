"""Instances in documents: what is understood, and every fault with its place."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid, InvalidDocument
from core.model.patterns.instances import (
    INSTANCES_MAX,
    AfterThreshold,
    ForEach,
    OnInstanceFailure,
    combinations_of,
    group_key,
    items_of,
    needed_of,
)
from core.workflows.expansion import expand, parse
from tests.support.tables import each
from tests.workflows.workflow_cases import CONNECTORS

ONE = """name: x
tasks:
  - {{key: a, uses: delay, with: {{seconds: 1}}}}
  - {{key: b, uses: delay, with: {{seconds: 1}}, needs: [a], {}}}
"""


def brief(fields: str) -> list[tuple[str, int | None, str]]:
    try:
        parse(ONE.format(fields), CONNECTORS)
    except InvalidDocument as error:
        return [(fault.code, fault.line, fault.message) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["x", 2], ["x", 2]),
        ({"a": 1, "b": [2]}, [{"key": "a", "value": 1}, {"key": "b", "value": [2]}]),
        (3, [0, 1, 2]),
        (3.0, [0, 1, 2]),
        (" 3 ", [0, 1, 2]),
        ("2..4", [2, 3, 4]),
        ("-1..1", [-1, 0, 1]),
        ("4..2", []),
        (0, []),
        ([], []),
    ],
)
def test_a_list_a_mapping_a_number_and_a_range_give_items(value: object, items: list[object]) -> None:
    assert items_of(value) == items


@pytest.mark.parametrize("value", [None, True, "x", 1.5, -1, "1...3", "1e3"])
def test_anything_else_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        items_of(value)
    assert refused.value.code == "for_each.unfit"


@pytest.mark.parametrize("value", [INSTANCES_MAX + 1, f"1..{INSTANCES_MAX + 1}", [0] * (INSTANCES_MAX + 1)])
def test_more_instances_than_a_group_may_have_are_refused_before_they_are_made(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        items_of(value)
    assert refused.value.code == "for_each.too_many"
    assert "100,001 instances" in refused.value.message


def test_a_matrix_gives_the_product_of_its_axes_without_what_is_excluded() -> None:
    matrix = {"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 2, "b": "y"}, {"a": 3}]}
    assert combinations_of(matrix) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}]


def test_a_matrix_that_is_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(Invalid) as refused:
        combinations_of({"a": [0] * 1_000, "b": [0] * 1_000})
    assert refused.value.code == "for_each.too_many"


@pytest.mark.parametrize(
    ("threshold", "total", "needed"), [("3", 10, 3), ("80%", 10, 8), ("1%", 10, 1), ("50%", 3, 2)]
)
def test_a_share_of_the_instances_is_rounded_up(threshold: str, total: int, needed: int) -> None:
    assert needed_of(threshold, total) == needed


def test_the_key_of_an_instance_names_its_group() -> None:
    assert [group_key(key) for key in ("t[17]", "t", "t[x]")] == ["t", "t", "t[x]"]


def test_a_document_says_all_of_its_instances() -> None:
    fields = (
        'for_each: "${{ tasks.a.output.list }}", as: film, max_parallel: 4, threshold: 80%, after: run_all,'
        ' when: "${{ film != null }}"'
    )
    plan = expand(parse(ONE.format(fields), CONNECTORS))
    said = plan.stages[0].tasks[1].for_each
    assert said is not None
    assert (said.name, said.max_parallel, said.threshold) == ("film", 4, "80%")
    assert (said.after, said.on_failure) == (AfterThreshold.RUN_ALL, OnInstanceFailure.STOP)
    assert said.judges_each


def test_items_keep_their_text() -> None:
    plan = expand(parse(ONE.format("for_each: [3.10, 010, 7, 1e3]"), CONNECTORS))
    said = plan.stages[0].tasks[1].for_each
    assert said is not None
    assert said.over == ["3.10", "010", 7, "1e3"]


GOOD = [
    "for_each: [1]",
    "for_each: {a: 1}",
    "for_each: 3",
    'for_each: "3"',
    "for_each: 1..10",
    'for_each: "${{ params }}"',
    "for_each: []",
    'matrix: {a: [1], b: [x, y], exclude: [{a: 1, b: x}]}, when: "${{ matrix.a == 1 && index > 0 }}"',
    'matrix: {a: "${{ tasks.a.output }}"}',
    "for_each: [1, 2], threshold: 2",
    "for_each: [1, 2], threshold: 50%, after: run_all, on_instance_failure: finish",
    'for_each: [1], limits: [{limit: db, key: "${{ item }}"}], cost: {usd: "${{ item }}"}',
]


@pytest.mark.parametrize("fields", GOOD)
def test_what_is_written_well_has_no_fault(fields: str) -> None:
    assert brief(fields) == []


BAD = {
    "for_each: null": ("document.value", "or an expression"),
    "for_each: true": ("document.value", "or an expression"),
    "for_each: abc": ("document.value", "an item stands in a list: [abc]"),
    "for_each: 100001": ("for_each.too_many", "100,001 instances"),
    "for_each: -1": ("for_each.unfit", "neither items nor how many"),
    "for_each: [1], matrix: {a: [1]}": ("document.instances", "either `for_each` or `matrix`"),
    "for_each: [1], as: params": ("document.value", "choose another name"),
    "for_each: [1], as: X": ("document.value", "must begin with a-z"),
    "for_each: [1], max_parallel: 0": ("document.value", "at least 1"),
    "for_each: [1], threshold: 0": ("document.value", "such as 80%"),
    "for_each: [1], threshold: 101%": ("document.value", "such as 80%"),
    "for_each: [1], threshold: 2": ("document.threshold", "is never met"),
    "for_each: [1], threshold: 1, on_instance_failure: stop": ("document.instances", "leave one of them out"),
    "for_each: [1], after: run_all": ("document.instances", "there is none"),
    "for_each: [1], once: x": ("document.instances", "leave it out"),
    "as: x": ("document.instances", "with `for_each` or `matrix`"),
    "max_parallel: 2": ("document.instances", "with `for_each` or `matrix`"),
    "threshold: 2": ("document.instances", "with `for_each` or `matrix`"),
    "on_instance_failure: stop": ("document.instances", "with `for_each` or `matrix`"),
    "on_instance_failure: halt, for_each: [1]": ("document.value", "must be"),
    "matrix: {}": ("document.value", "must not be empty"),
    "matrix: {exclude: []}": ("document.matrix", "has no axis"),
    "matrix: {a: [1], include: [{a: 2}]}": ("document.matrix", "no `include` here"),
    "matrix: {a: []}": ("document.matrix", "at least one value"),
    "matrix: {a: 1}": ("document.matrix", "at least one value"),
    "matrix: {a: [1]}, as: x": ("document.instances", "is `matrix` already"),
    "matrix: {codec: [av1], exclude: [{codek: av1}]}": ("document.matrix", "did you mean"),
    "matrix: {codec: [av1], exclude: [{codec: av2}]}": ("document.matrix", "did you mean"),
    "matrix: {codec: [av1], exclude: [av1]}": ("document.matrix", "is a mapping"),
    "matrix: {codec: [av1], exclude: av1}": ("document.matrix", "is a list of combinations"),
    'matrix: {codec: [av1]}, when: "${{ matrix.codek == 1 }}"': ("expression.unknown", "did you mean"),
    'for_each: "${{ item }}"': ("expression.unknown_root", "`item` is not a name here"),
    'for_each: "${{ tasks.c.output }}"': ("expression.unknown_task", "`c` is not a task"),
    'when: "${{ item == 1 }}"': ("expression.unknown_root", "`item` is not a name here"),
    'when: "${{ tasks.a.outputs == [] }}"': ("expression.unknown", "`a` has no instances"),
}


@each("fields", BAD)
def test_a_fault_of_instances_has_its_line_and_says_what_to_write(fields: str) -> None:
    code, words = BAD[fields]
    found = brief(fields)
    assert (code, 4) in [(one[0], one[1]) for one in found], found
    assert any(words in message for _, _, message in found), found


PAIR = """name: x
tasks:
  - {{key: a, uses: delay, with: {{seconds: 1}}, {}}}
  - {{key: b, uses: delay, with: {{seconds: 1}}, {}}}
"""


def pair(first: str, second: str) -> list[str]:
    try:
        parse(PAIR.format(first, second), CONNECTORS)
    except InvalidDocument as error:
        return [f"{fault.code} {fault.line}: {fault.message}" for fault in error.faults]
    return []


def test_instances_need_those_of_another_group_over_the_same_items_one_to_one() -> None:
    assert pair("for_each: [1, 2]", "for_each: [1, 2], needs: [{each: a}]") == []
    plan = expand(parse(PAIR.format("for_each: 3", "for_each: 3, needs: [{each: a}]"), CONNECTORS))
    said = plan.stages[0].tasks[1].for_each
    assert said is not None
    assert (said.each, said.judges_each) == (("a",), False)
    asks = "for_each: 3, needs: [{each: a}], when: '${{ tasks.a.status == \"skipped\" }}'"
    plan = expand(parse(PAIR.format("for_each: 3", asks), CONNECTORS))
    assert plan.stages[0].tasks[1].for_each == ForEach(over=3, each=("a",), judges_each=True)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("for_each: [1]", "for_each: [2], needs: [{each: a}]", "over the same items"),
        ("priority: 1", "for_each: [2], needs: [{each: a}]", "`a` has no instances"),
        ("for_each: [1]", "needs: [{each: a}]", "for a task with `for_each` over the same items"),
        ("for_each: [1]", "for_each: [1], needs: [{each: a, task: a}]", "either `task` or `each`"),
        ("for_each: [1]", "for_each: [1], needs: [{each: aa}]", "did you mean"),
        (
            "for_each: [1]",
            "for_each: [1], needs: [{each: a}], when: '${{ tasks.a.outputs == [] }}'",
            "one instance here, that of its index",
        ),
        ("for_each: [1]", "needs: [a], when: '${{ tasks.a.outputz == [] }}'", "did you mean"),
    ],
)
def test_a_need_of_each_instance_that_makes_no_sense_is_named(first: str, second: str, words: str) -> None:
    found = pair(first, second)
    assert any(words in one and "4:" in one for one in found), found
