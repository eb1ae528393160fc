"""Expressions keep types, name what is missing, and cannot run long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.workflows.expressions.checking import check_source, references
from core.workflows.expressions.embedded import SOURCE_MAX, Embedded, bare_source, split
from core.workflows.expressions.resolving import judge, resolve
from tests.support.tables import each

SCOPE = {
    "params": {
        "limit": 11,
        "date": "2026-01-01",
        "items": [1, {"id": 7}],
        "none": None,
        "yes": True,
        "f": 1.5,
    },
    "tasks": {"list": {"output": {"path": "/p", "items": [{"id": 3}]}, "status": "succeeded"}},
    "job": {"id": 12},
    "env": {"HOME": "/root"},
}

VALUES = {
    "${{ params.limit }}": 11,
    "  ${{ params.limit }}": "  11",
    "${{params.yes}}": True,
    "${{ params.items }}": [1, {"id": 7}],
    "${{ params.none }}": None,
    "${{ params.items[1].id }}": 7,
    "${{ params['date'] }}": "2026-01-01",
    "${{ tasks.list.output.items[0].id }}": 3,
    "${{ tasks.list.status }}": "succeeded",
    "${{ job.id }}": 12,
    "https://e.org/${{ params.date }}.json": "https://e.org/2026-01-01.json",
    "${{ params.limit }}/${{ params.yes }}/${{ params.none }}": "11/true/null",
    "x=${{ params.items }}": 'x=[1, {"id": 7}]',
    "${{ params.limit + 1 }}": 12,
    "${{ params.limit > 10 ? 'many' : 'few' }}": "many",
    "${{ tasks.list.output.path + '/x' }}": "/p/x",
    "${{ {'a': {'b': 1}} }}": {"a": {"b": 1}},
    "${{ '}}' + params.date }}": "}}2026-01-01",
    '${{ "${{" }}': "${{",
    "${{ has(params.nothing) }}": False,
    "${{ params.f }}": 1.5,
    "not opened, $ {{ }}": "not opened, $ {{ }}",
}


@pytest.mark.parametrize("text", VALUES)
def test_an_expression_gives_its_value(text: str) -> None:
    value = resolve(text, SCOPE)
    assert value == VALUES[text]
    assert type(value) is type(VALUES[text])


def test_expressions_are_resolved_at_any_depth_and_their_values_are_not_resolved_again() -> None:
    scope = {"params": {"evil": "${{ env.HOME }}"}, "env": {"HOME": "/root"}}
    assert resolve({"a": [{"b": "${{ params.evil }}"}]}, scope) == {"a": [{"b": "${{ env.HOME }}"}]}


REFUSED = {
    "${{ params.limt }}": ("expression.unknown", "did you mean `limit`?"),
    "${{ param.limit }}": ("expression.unknown_root", "did you mean `params`?"),
    "${{ tasks.lst.output }}": ("expression.unknown", "did you mean `list`?"),
    "${{ tasks.lst.output == 1 }}": ("expression.unknown", "did you mean `list`?"),
    "${{ params.items[9] }}": ("expression.unknown", "has 2 items"),
    "${{ params.none.x }}": ("expression.type", "is null"),
    "${{ params.limit.x }}": ("expression.type", "is an int"),
    "${{ params.nothing + 1 }}": ("expression.unknown", "nothing"),
    "${{ params.limit > }}": ("expression.syntax", "character 15"),
    "${{ 1 / 0 }}": ("expression.failed", "division by zero"),
    "${{ params.limit > ) }}": ("expression.syntax", "`)` cannot stand here"),
    "${{ params.limit = 1 }}": ("expression.syntax", "did you mean `==`?"),
    "${{ (params.limit }}": ("expression.syntax", "`)` is missing"),
    "${{ params.date.contains }}": ("expression.type", "it has no `.contains`"),
    "${{ 'a }}": ("expression.no_end", "no end"),
    "${{ '\\q' }}": ("expression.syntax", "is not an escape"),
    "${{ '\\ud800' }}": ("expression.syntax", "is not a character"),
    "${{ " + "!" * 60 + "true }}": ("expression.depth", "50"),
    "${{ size(params.items, 1) }}": ("expression.arity", "takes 1 argument, not 2"),
    "${{ 'a'.split() }}": ("expression.arity", "takes 1 or 2 arguments, not 0"),
    "${{ contains('a', 'b') }}": ("expression.unknown_function", "value.contains(...)"),
    "${{ params.date.int() }}": ("expression.unknown_function", "int(value)"),
    "${{ has(params) }}": ("expression.syntax", "has(a.b)"),
    "${{ 0.0 / 0.0 }}": ("expression.type", "not finite"),
    "${{ duration('1h') }}": ("expression.type", "a plain value"),
    "${{ params.limit": ("expression.no_end", "no end"),
    "${{ }}": ("expression.empty", "nothing"),
    "${{ " + "1 + " * 200 + "1 }}": ("expression.too_long", "500"),
    "${{ " + "(" * 60 + "1" + ")" * 60 + " }}": ("expression.depth", "50"),
    "${{ params.items.map(x, x) }}": ("expression.macro", "in a task"),
    "${{ sise(params.items) }}": ("expression.unknown_function", "did you mean `size`?"),
    "${{ tasks[params.date].output }}": ("expression.dynamic", "tasks.KEY"),
}


@each("text", REFUSED)
def test_an_expression_that_cannot_be_resolved_says_why(text: str) -> None:
    code, words = REFUSED[text]
    with pytest.raises(Invalid) as caught:
        resolve([text], SCOPE)
    assert caught.value.code == code
    assert words in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "params.items.map(x, x)",
        "params.items.exists\n (x, true)",
        "params.items.all(x, params.items.all(y, true))",
        "params.items.filter(x, true)",
        "params.items.exists_one(x, true)",
        r"r'\' + params.items.map(x, x) + r'\''",
        r"R'\' == 'a' && params.items.exists(x, true) && '\'' == 'b'",
        '"""a"b""" + params.items.map(x, x)',
        "params.items.map//\n(x, x)",
        "params.items.`map`(x, x)",
    ],
)
def test_no_macro_passes_however_it_is_dressed(source: str) -> None:
    assert check_source(source) is not None
    with pytest.raises(Invalid):
        resolve("${{ " + source + " }}", SCOPE)


def test_a_word_that_looks_like_a_macro_is_none_without_a_call() -> None:
    assert check_source("tasks.a.output.map.all == 'x.map(y, y)'") is None


def test_half_a_character_is_text_like_any_other() -> None:
    assert resolve("${{ params.x + 'a' }}", {"params": {"x": "\ud800"}}) == "\ud800a"
    assert resolve("${{ params.x.matches('a') }}", {"params": {"x": "\ud800a"}}) is True
    assert resolve("${{ params.x }}", {"params": {"x": "\ud800"}}) == "\ud800"


def test_a_condition_is_judged_with_or_without_braces() -> None:
    assert judge("${{ params.limit > 10 }}", SCOPE)
    assert not judge("params.limit > 11", SCOPE)
    assert judge("params.yes", SCOPE)


def test_a_condition_must_be_a_boolean_and_one_expression() -> None:
    for source, code in (
        ("params.limit", "expression.not_boolean"),
        ("${{ params.yes }} or so", "expression.not_whole"),
        ("${{ params.yes }}${{ params.yes }}", "expression.not_whole"),
        ("", "expression.not_whole"),
    ):
        with pytest.raises(Invalid) as caught:
            judge(source, SCOPE)
        assert caught.value.code == code


def test_references_name_what_a_value_depends_on() -> None:
    value = {
        "a": ["${{ tasks.list.output.path }}", "x ${{ params.date + tasks['b'].output.text.trim }}"],
        "b": "${{ tasks.c.status.startsWith('s') ? env.HOME : 'params.no' }}",
    }
    assert {reference.path for reference in references(value)} == {
        ("tasks", "list", "output", "path"),
        ("params", "date"),
        ("tasks", "b", "output", "text", "trim"),
        ("tasks", "c", "status"),
        ("env", "HOME"),
    }


def test_roots_are_checked_with_a_near_miss_and_secrets_by_their_form() -> None:
    fault = check_source("parms.x > 1")
    assert fault is not None
    assert (fault.code, "did you mean `params`?" in fault.message) == ("expression.unknown_root", True)
    assert check_source("secrets.TOKEN") is None
    for source in ("secrets", "secrets.TOKEN.x", "secrets[params.x]"):
        fault = check_source(source)
        assert fault is not None
        assert fault.code == "expression.dynamic"


def test_a_syntax_fault_counts_line_and_column_within_the_expression() -> None:
    fault = check_source("1 +\n  ) 2")
    assert fault is not None
    assert (fault.line, fault.column) == (2, 3)


@pytest.mark.parametrize(
    "source",
    [
        "1" + "+1" * 249,
        "params" + ".a" * 240,
        "params" + "[0]" * 160,
        "true ? 1 : " * 40 + "1",
        "(" * 50 + "1" + ")" * 50 + "+1" * 199,
        "[" * 50 + "]" * 50,
        "'a'" + ".trim()" * 70,
        "true" + " && true" * 60,
    ],
)
def test_the_longest_sources_nest_within_the_limits_of_the_interpreter(source: str) -> None:
    assert len(source) <= SOURCE_MAX
    try:
        resolve("${{ " + source + " }}", SCOPE)
    except Invalid as error:
        code = error.code
        assert code in ("expression.unknown", "expression.type")


@given(st.text(alphabet="${} '\"ab\\", max_size=30))
def test_splitting_keeps_every_character(text: str) -> None:
    try:
        pieces = split(text)
    except Invalid as error:
        pieces = [error.code]
        assert text.startswith("expression.") or "${{" in text
        return
    literal = "".join(piece for piece in pieces if isinstance(piece, str))
    inner = [piece for piece in pieces if isinstance(piece, Embedded)]
    assert len(literal) + sum(len(piece.source) for piece in inner) <= len(text)
    assert all(text[piece.offset :].startswith(piece.source) for piece in inner)
    assert inner or literal == text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="params.limt[]()0 +'\"?:!<>=&|{},\\\n", max_size=40))
def test_any_source_gives_a_value_or_a_refusal(source: str) -> None:
    try:
        resolve("${{ " + source + " }}", SCOPE)
    except Invalid as error:
        code = error.code
        assert code.startswith("expression.")


def test_bare_source_gives_the_source_of_a_condition() -> None:
    assert bare_source(" ${{ a.b }} ") == "a.b"


def test_a_source_without_braces_is_bounded_as_well():
    fault = check_source("1 + " * 200 + "1")
    assert fault is not None
    assert fault.code == "expression.too_long"
