"""Tests of the filter grammar: accepted, refused, and matching."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.filters.fields import FIELDS, Kind, Noun
from core.filters.matching import matches
from core.filters.parser import parse
from core.filters.patterns import LONGEST_PATTERN
from core.filters.terms import Ago, At, Compare, Contains, Filter, Glob, In, Length, Matches, Op, Sort, Term
from core.filters.tokens import LONGEST_FILTER
from core.filters.unparser import unparse
from core.model.errors import Invalid
from core.model.records import replace
from tests.support.tables import each

NOW = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
MINUTE = 60_000
TASK = {
    "id": 42,
    "job_id": 7,
    "stage_id": 3,
    "key": "fetch_a",
    "name": None,
    "uses": "http",
    "queue": "mail-out",
    "priority": 5,
    "group": None,
    "status": "failed",
    "attempts": 3,
    "wait_reason": None,
    "created_at": NOW - 20 * MINUTE,
    "queued_at": NOW - 19 * MINUTE,
    "started_at": NOW - 15 * MINUTE,
    "finished_at": NOW - 5 * MINUTE,
    "retry_at": None,
    "error": {"code": "http.5xx", "message": "GET gave 503: Timeout"},
}


def tasks(text: str) -> Filter:
    return parse(text, Noun.TASKS)


def refusal(text: str, noun: Noun = Noun.TASKS) -> Invalid:
    with pytest.raises(Invalid) as refused:
        parse(text, noun)
    return refused.value


@each(
    ("text", "term"),
    [
        ("state:failed,retrying", In(field="status", values=("failed", "retrying"))),
        ("STATUS=Failed", In(field="status", values=("failed",))),
        ("status:failed,failed", In(field="status", values=("failed",))),
        ("state=failed,held", In(field="status", values=("failed", "held"))),
        ('key:"a\\\nb"', In(field="key", values=("a\nb",))),
        (
            "status:re*,*ed",
            In(
                field="status",
                values=("retrying", "blocked", "queued", "succeeded", "failed", "cancelled", "skipped"),
            ),
        ),
        ("-status:held", In(field="status", values=("held",), negated=True)),
        ("queue:mail*", In(field="queue", values=(Glob(parts=("mail", "")),))),
        ("queue:a**b*c", In(field="queue", values=(Glob(parts=("a", "b", "c")),))),
        ("-group:*", In(field="group", values=(Glob(parts=("", "")),), negated=True)),
        ('queue:"mail*",b', In(field="queue", values=("mail*", "b"))),
        ('key:""', In(field="key", values=("",))),
        (r'key:"say \"hi\" \\"', In(field="key", values=('say "hi" \\',))),
        ("key:a:b", In(field="key", values=("a:b",))),
        ("id:1,-2", In(field="id", values=(1, -2))),
        ("attempts>=3", Compare(field="attempts", op=Op.AT_LEAST, value=3)),
        ("prio<1", Compare(field="priority", op=Op.LESS, value=1)),
        ("age>10m", Compare(field="age", op=Op.MORE, value=Ago(ms=10 * MINUTE))),
        ("finished<=1h30m", Compare(field="finished", op=Op.AT_MOST, value=Ago(ms=90 * MINUTE))),
        ("took>=1h30m", Compare(field="took", op=Op.AT_LEAST, value=Length(ms=90 * MINUTE))),
        ("queued>2026-01-01", Compare(field="queued", op=Op.MORE, value=At(ms=NOW))),
        ("queued>2026-01-01T01:00:00.5+01:00", Compare(field="queued", op=Op.MORE, value=At(ms=NOW + 500))),
        ('err~"timeout|429"', Matches(field="err", pattern="timeout|429")),
        ("-code~^http[.,]", Matches(field="code", pattern="^http[.,]", negated=True)),
        ("word", Contains(text="word")),
        ("a,b-c", Contains(text="a,b-c")),
        ('"free text"', Contains(text="free text")),
        ('-"state:failed"', Contains(text="state:failed", negated=True)),
        ("-canary", Contains(text="canary", negated=True)),
        ("-", Contains(text="-")),
        ("12:30", Contains(text="12:30")),
    ],
)
def test_a_term_is_read(text: str, term: Term) -> None:
    assert tasks(text).terms == (term,)
    assert tasks(unparse(tasks(text))) == tasks(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('"word" key:"a"', "word key:a"),
        ('"two words" -key:"a b",c*', '"two words" -key:"a b",c*'),
        ("state=failed age>90m sort:-id", "status:failed age>1h30m sort:-id"),
        ("err~time.*out queued>2026-01-01", 'err~"time.*out" queued>2026-01-01T00:00:00.000Z'),
    ],
)
def test_a_filter_is_written_with_quotes_only_where_they_are_needed(text: str, written: str) -> None:
    assert unparse(tasks(text)) == written


def test_spaces_of_any_kind_part_the_terms() -> None:
    assert tasks("  a \t b\n") == Filter(noun=Noun.TASKS, terms=(Contains(text="a"), Contains(text="b")))
    assert tasks("") == tasks("  ") == Filter(noun=Noun.TASKS)


def test_the_order_is_read_wherever_it_stands() -> None:
    assert tasks("sort:-age a") == Filter(
        noun=Noun.TASKS, terms=(Contains(text="a"),), sort=Sort(field="age", descending=True)
    )
    assert tasks("sort:state").sort == Sort(field="status")


def test_kinds_of_events_take_globs() -> None:
    (term,) = parse("kind:attempt.*", Noun.EVENTS).terms
    assert term == In(
        field="kind", values=("attempt.failed", "attempt.timed_out", "attempt.cancelled", "attempt.lost")
    )


@each(
    ("text", "code", "position", "length"),
    [
        ("a staet:failed", "field", 2, 5),
        ("state:failed,faild", "value", 13, 5),
        ("state:z*", "value", 6, 2),
        ('status:"*"', "value", 7, 3),
        ("state:", "empty", 6, 1),
        ("state:a,", "empty", 8, 1),
        ("state: failed", "empty", 6, 1),
        ('""', "empty", 0, 2),
        ('a "b c', "quote", 2, 1),
        ('key:"b\\"', "quote", 4, 1),
        ('"a"b', "space", 3, 1),
        ('a"b"', "space", 1, 1),
        ("state>failed", "operator", 0, 12),
        ("age:10m", "operator", 0, 7),
        ("state~fail", "operator", 0, 10),
        ("key>a", "operator", 0, 5),
        ("-age>10m", "negated", 0, 8),
        ("attempts>two", "number", 9, 3),
        ("id:1234567890123456789", "number", 3, 19),
        ("id:٣", "number", 3, 1),
        ("age>10", "duration", 4, 2),
        ("age>2026-01-01", "duration", 4, 10),
        ("queued>1h1", "duration", 7, 3),
        ("queued>yesterday", "time", 7, 9),
        ("queued>1969-12-31", "time", 7, 10),
        ("queued>0001-01-01T00:00+23:00", "time", 7, 22),
        ("err~(", "regex", 4, 1),
        (f"err~{'a' * (LONGEST_PATTERN + 1)}", "regex", 4, LONGEST_PATTERN + 1),
        ("err~a{1001}", "regex", 5, 6),
        ("sort:ag", "field", 5, 2),
        ("sort:-", "field", 5, 1),
        ("-sort:age", "sort", 0, 9),
        ("sort:id,age", "sort", 0, 11),
        ("sort>age", "sort", 0, 8),
        ("sort:id sort:age", "sort", 8, 8),
        ("a\0", "character", 1, 1),
        ("key:\ud800", "character", 4, 1),
        ("x" * (LONGEST_FILTER + 1), "long", LONGEST_FILTER, 1),
    ],
)
def test_a_bad_token_is_refused_where_it_stands(text: str, code: str, position: int, length: int) -> None:
    refused = refusal(text)
    assert refused.code == f"filter.{code}"
    assert (refused.facts["position"], refused.facts["length"]) == (position, length)


def test_a_caret_line_stands_under_the_token_and_near_misses_are_named() -> None:
    refused = refusal("日本 stauts:failed x")
    assert refused.message == (
        "tasks have no field `stauts`; did you mean `status` or `state`?\n"
        "  日本 stauts:failed x\n"
        "       ^^^^^^"
    )
    assert refused.facts["near"] == ["status", "state"]
    assert "quote a text" in refused.hint
    assert refusal("state:faild").facts["near"] == ["failed"]
    assert "skipped" in refusal("state:faild").hint


def test_a_refusal_shows_no_control_character_and_only_the_place_of_a_long_filter() -> None:
    refused = refusal(f"{'word ' * 100}\x1b[31mx \u202e status:\x1b[2Jfailed {'word ' * 100}")
    assert len(refusal(f"status:{'x' * 3_000}").message) < 600
    assert "\x1b" not in refused.message
    assert "\u202e" not in refused.message
    assert max(map(len, refused.message.splitlines())) < 250


def test_fields_differ_from_noun_to_noun() -> None:
    assert refusal("queue:a", Noun.JOBS).code == "filter.field"
    assert refusal("status:skipped", Noun.JOBS).code == "filter.value"
    assert parse("task:3 kind:task.created", Noun.EVENTS).terms
    assert parse("queue:mail*", Noun.QUEUES).terms == (In(field="name", values=(Glob(parts=("mail", "")),)),)


@pytest.mark.parametrize("noun", list(Noun))
def test_names_of_fields_are_unique_and_sort_is_none_of_them(noun: Noun) -> None:
    names = FIELDS[noun].names()
    assert len(set(names)) == len(names)
    assert "sort" not in names
    assert all((field.kind is Kind.CHOICE) == bool(field.choices) for field in FIELDS[noun].fields)


@each(
    ("text", "holds"),
    [
        ("", True),
        ("state:failed", True),
        ("state:held,failed", True),
        ("state:held", False),
        ("-state:failed", False),
        ("queue:mail*", True),
        ("queue:*-out", True),
        ("queue:m*-o*t", True),
        ("queue:mail", False),
        ("queue:MAIL*", False),
        ("queue:mail-out*t", False),
        ("id:42", True),
        ("job:7 id:41", False),
        ("group:*", False),
        ("-group:*", True),
        ("-group:canary", True),
        ("group:canary", False),
        ("attempts>=3", True),
        ("attempts>3", False),
        ("attempts<4 attempts<=3", True),
        ("due>2026-01-01", False),
        ("due<2026-01-01", False),
        ("age>19m", True),
        ("age>20m", False),
        ("age>=20m", True),
        ("age<19m", False),
        ("finished<10m", True),
        ("finished>10m", False),
        ("finished<2026-01-01", True),
        ("finished>2026-01-01", False),
        ("err~503|429", True),
        ("err~^503", False),
        ("-err~503", False),
        ("-group~x", True),
        ("group~.*", False),
        ("took>9m", True),
        ("took>=10m took<=10m duration<11m", True),
        ("took<10m", False),
        ("code:http.*", True),
        ("code:http.5xx", True),
        ("fetch", True),
        ("MAIL-OUT", True),
        ("42", True),
        ("http", False),
        ("-http", True),
        ("-fetch", False),
        ("None", False),
        ("sort:id", True),
    ],
)
def test_a_filter_means_what_it_says(text: str, holds: bool) -> None:
    assert matches(tasks(text), TASK, now=NOW) is holds


def test_a_missing_error_matches_no_pattern() -> None:
    row = {**TASK, "error": None}
    assert not matches(tasks("err~."), row, now=NOW)
    assert matches(tasks("-err~."), row, now=NOW)


def test_only_ascii_letters_fold() -> None:
    assert not matches(tasks("ÜBER"), {**TASK, "name": "über"}, now=NOW)
    assert matches(tasks("üBER"), {**TASK, "name": "über"}, now=NOW)


@given(parts=st.lists(st.text("ab", max_size=3), min_size=2, max_size=5), text=st.text("ab", max_size=12))
def test_a_glob_matches_what_the_same_regular_expression_matches(parts: list[str], text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, parts)), text) is not None
    assert Glob(parts=tuple(parts)).matches(text) == expected


BINDABLE = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.text(BINDABLE, max_size=12)
SOLID = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters='",*'), max_size=5
)
GLOBS = st.builds(
    lambda first, middle, last: Glob(parts=(first, *middle, last)),
    SOLID, st.lists(SOLID.filter(bool), max_size=2), SOLID,
)  # fmt: skip
NUMBERS = st.integers(-(10**17), 10**17)
OPS = st.sampled_from(Op)


def values(item: st.SearchStrategy[str | int | Glob]) -> st.SearchStrategy[tuple[str | int | Glob, ...]]:
    return st.lists(item, min_size=1, max_size=4, unique=True).map(tuple)


def terms(noun: Noun) -> st.SearchStrategy[Term]:
    found: list[st.SearchStrategy[Term]] = [
        st.builds(Contains, text=TEXTS.filter(bool), negated=st.booleans())
    ]
    for field in FIELDS[noun].fields:
        name = st.just(field.name)
        match field.kind:
            case Kind.TEXT:
                found.append(st.builds(In, field=name, values=values(TEXTS | GLOBS), negated=st.booleans()))
                found.append(
                    st.builds(Matches, field=name, pattern=TEXTS.map(re.escape), negated=st.booleans())
                )
            case Kind.CHOICE:
                choice = st.sampled_from(field.choices)
                found.append(st.builds(In, field=name, values=values(choice), negated=st.booleans()))
            case Kind.NUMBER:
                found.append(st.builds(In, field=name, values=values(NUMBERS), negated=st.booleans()))
                found.append(st.builds(Compare, field=name, op=OPS, value=NUMBERS))
            case Kind.SPAN:
                length = st.builds(Length, ms=st.integers(0, 10**12))
                found.append(st.builds(Compare, field=name, op=OPS, value=length))
            case Kind.TIME | Kind.AGE:
                ago = st.builds(Ago, ms=st.integers(0, 10**12))
                at = st.builds(At, ms=st.integers(0, 10**14))
                found.append(
                    st.builds(Compare, field=name, op=OPS, value=ago if field.kind is Kind.AGE else ago | at)
                )
    return st.one_of(found)


# Made anew for each example, they would be looked through again.
@cache
def filters(noun: Noun) -> st.SearchStrategy[Filter]:
    names = [field.name for field in FIELDS[noun].fields]
    order = st.builds(Sort, field=st.sampled_from(names), descending=st.booleans())
    return st.builds(
        Filter, noun=st.just(noun), terms=st.lists(terms(noun), max_size=4).map(tuple), sort=st.none() | order
    )


@given(st.sampled_from(Noun).flatmap(filters))
def test_what_is_unparsed_is_parsed_again(filter_: Filter) -> None:
    assert parse(unparse(filter_), filter_.noun) == filter_


PIECES = st.sampled_from(
    [
        "status",
        "age",
        "err",
        "sort",
        "key",
        ":",
        "~",
        ">",
        ">=",
        "=",
        "-",
        ",",
        "*",
        '"',
        "\\",
        " ",
        "failed",
        "10m",
        "3",
        "(",
    ]
)


@given(
    st.lists(PIECES, max_size=12).map("".join) | st.text(st.characters(exclude_categories=()), max_size=40)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    filter_ = read_or_refused(text)
    if isinstance(filter_, Invalid):
        place, length = filter_.facts["position"], filter_.facts["length"]
        assert filter_.code.startswith("filter.")
        assert isinstance(place, int)
        assert isinstance(length, int)
        assert 0 <= place <= len(text)
        assert length >= 1
        return
    assert tasks(unparse(filter_)) == filter_
    assert matches(filter_, TASK, now=NOW) in (True, False)


def read_or_refused(text: str) -> Filter | Invalid:
    try:
        return tasks(text)
    except Invalid as refused:
        return refused


@given(terms(Noun.TASKS).filter(lambda term: not isinstance(term, Compare)))
def test_a_negated_term_finds_exactly_the_other_rows(term: In | Contains | Matches) -> None:
    one = Filter(noun=Noun.TASKS, terms=(term,))
    other = Filter(noun=Noun.TASKS, terms=(replace(term, negated=not term.negated),))
    assert matches(one, TASK, now=NOW) != matches(other, TASK, now=NOW)
