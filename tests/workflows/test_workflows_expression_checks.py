"""What `check` finds in expressions before they have values."""

from __future__ import annotations

import pytest

from tests.support.tables import each
from tests.workflows.workflow_cases import faults

HEAD = """\
name: x
params:
  limit: {type: integer, default: 3}
  name: {default: x}
  day: {type: string}
  some: {type: number, default: 1}
  go: {type: boolean, default: true}
  list: {type: array, default: []}
  map: {type: object, default: {}}
tasks:
  - {key: a, uses: delay, with: {seconds: 1}}
"""
FAULTS = {
    "params.limit + params.name": (
        "expression.type",
        "`+` is not defined for int and string, at character 14",
    ),
    "params.day * 2": ("expression.type", "`*` is not defined for string and int, at character 12"),
    "params.limit.x": ("expression.type", "`params.limit` is an int, it has no `.x`, at character 14"),
    "params.go ? params.limit : params.nam": ("expression.unknown_param", "did you mean `name`?"),
    "params.limit ? 1 : 2": ("expression.type", "a bool is expected here, not an int, at character 1"),
    "params.limit && true": ("expression.type", "a bool is expected here, not an int"),
    "params.list[params.name]": ("expression.type", "not defined for list and string, at character 12"),
    "params.map[0]": ("expression.type", "not defined for map and int"),
    "params.name in params.name": ("expression.type", "`in` is not defined for string and string"),
    "job.id + job.name": ("expression.type", "`+` is not defined for int and string"),
    "env.HOME > 1": ("expression.type", "`>` is not defined for string and int"),
    "tasks.a.status + 1": ("expression.type", "`+` is not defined for string and int"),
    "tasks.a.status.size": ("expression.type", "`tasks.a.status` is a string"),
    "tasks.a.stats == 'x'": (
        "expression.unknown",
        "`stats` is not a field of a task; did you mean `status`?",
    ),
    "tasks.a.error.cod == 'x'": (
        "expression.unknown",
        "`cod` is not a field of an error; did you mean `code`?",
    ),
    "tasks.b.status == 'x'": ("expression.unknown_task", "`b` is not a task"),
    "job.nme": ("expression.unknown", "did you mean `name`?"),
    "size()": ("expression.arity", "`size(...)` takes 1 argument, not 0, at character 1"),
    "params.name.contains('a', 'b')": ("expression.arity", "takes 1 argument, not 2, at character 13"),
    "params.name.trimm()": ("expression.unknown_function", "did you mean `trim`?"),
    "params.limit.trim()": ("expression.type", "`.trim(...)` is not defined for int"),
    "params.name.matches('(a)\\\\1')": ("expression.pattern", "a backreference is not offered"),
    "1 / 0 > params.limit || true ||": ("expression.syntax", "something is missing, at character 32"),
    "1 / 0": ("expression.failed", "division by zero, at character 3"),
    "int('x')": ("expression.failed", "the text is not a whole number"),
    "duration('1 day')": ("expression.failed", "a duration is written as"),
}
"""A source, then the code of its only fault and what its message holds."""


def document(source: str, *, when: str = "") -> str:
    written = source.replace("'", "''")
    condition = f", when: '${{{{ {when} }}}}'" if when else ""
    return f"{HEAD}  - {{key: u, uses: http, needs: [a], with: {{url: '${{{{ {written} }}}}'}}{condition}}}\n"


@each("source", FAULTS)
def test_what_is_wrong_whatever_the_values_are_is_found(source: str) -> None:
    code, words = FAULTS[source]
    (fault,) = faults(document(source))
    assert fault.code == code
    assert words in fault.message
    assert fault.line == 12


@pytest.mark.parametrize(
    "source",
    [
        "params.limit + params.some",
        "params.some + 1.5",
        "tasks.a.output.n + tasks.a.output.text",
        "tasks.a.error.code == 'shell.exit'",
        "tasks.a.error",
        "params.list + [1]",
        "params.map[params.name].x[0]",
        "string(params.limit) + params.name",
        "params.limit / 2.0 > 1 && params.go",
    ],
)
def test_what_may_be_right_passes(source: str) -> None:
    assert faults(document(source)) == []


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("params.limit", "`params.limit` is an int, not true or false"),
        ("tasks.a.status", "`tasks.a.status` is a string"),
        ('params.name + "x"', "is a string, not true or false: compare it with something"),
        ("[1]", "is a list"),
    ],
)
def test_a_condition_that_can_never_be_true_or_false_is_found(when: str, words: str) -> None:
    (fault,) = faults(document("params.name", when=when))
    assert fault.code == "expression.not_boolean"
    assert words in fault.message


def test_every_expression_of_a_text_is_checked() -> None:
    assert [fault.code for fault in faults(document("params.nam }}${{ job.x }}${{ size(1)"))] == [
        "expression.unknown_param",
        "expression.unknown",
        "expression.type",
    ]
