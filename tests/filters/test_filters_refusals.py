"""Tests of refused filters: one sentence, a caret line, a hint."""

from __future__ import annotations

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.patterns import LONGEST_PATTERN
from core.filters.tokens import LONGEST_FILTER
from core.model.errors import Invalid
from tests.support.tables import each

STATUSES = "blocked, queued, running, retrying, waiting, held, succeeded, failed, cancelled, skipped"
QUEUE_FIELDS = "name, depth, rate, oldest, reason, by, paused"
NO_REGEX = "this is not a regular expression"
RE2 = "the syntax is that of RE2"
LINEAR = "patterns take linear time (RE2): no look-around, no backreferences, no possessive repetition"
TOO_LARGE = "this regular expression is too large once its repetitions are written out"
LESS = "repeat less: `x+` instead of `x{1,900}`"
MOMENTS = "write 2026-01-31, 2026-01-31T08:00Z, or how long ago: 10m"
DURATIONS = "write a number with a unit: 250ms, 90s, 10m, 1h30m, 7d"


def refusal(text: str, noun: Noun = Noun.TASKS) -> Invalid:
    with pytest.raises(Invalid) as refused:
        parse(text, noun)
    return refused.value


@each(
    ("text", "sentence", "hint"),
    [
        ("state:", "a value is missing here", ""),
        ('""', "an empty text is in everything", ""),
        ('a "b c', "this quote is not closed", ""),
        ('"a"b', "a space is missing here", ""),
        ("a\0", "no stored text has this character", ""),
        ("x" * 4_001, "a filter has at most 4000 characters", ""),
        ("state:z", "no status is `z`", f"status is one of: {STATUSES}"),
        (f"state:{'z' * 60}", f"no status is `{'z' * 40}`", f"status is one of: {STATUSES}"),
        ("state:faild", "no status is `faild`; did you mean `failed`?", f"status is one of: {STATUSES}"),
        ("state>failed", "`status` has no `>`", "`status` has: :"),
        ("key>a", "`key` has no `>`", "`key` has: : ~"),
        ("age:10m", "`age` has no `:`", "`age` has: > >= < <="),
        ("finished:1", "`finished` has no `:`", "`finished` has: > >= < <="),
        ("id~1", "`id` has no `~`", "`id` has: : > >= < <="),
        ("-age>10m", "a comparison is not negated", "turn it around: `<=` for `>`"),
        ("id:x", "this is not a whole number of at most 18 digits", ""),
        ("age>10", "'10' is not a length of time", DURATIONS),
        ("queued>yesterday", "this is not a moment since 1970", MOMENTS),
        ("queued>1969-12-31", "this is not a moment since 1970", MOMENTS),
        (f"err~{'a' * 201}", "a regular expression has at most 200 characters", "shorten it"),
        ("err~*", f"{NO_REGEX}: nothing to repeat, at character 1", RE2),
        ("err~[z-a]", f"{NO_REGEX}: invalid character class range `z-a`, at character 2", RE2),
        (r"err~(a)\1", f"{NO_REGEX}: a backreference is not offered, at character 4", LINEAR),
        ("err~(?P<n>a)(?P=n)", f"{NO_REGEX}: a backreference is not offered, at character 9", LINEAR),
        ("err~x(?=y)", f"{NO_REGEX}: look-around is not offered, at character 2", LINEAR),
        ("err~(?<!x)y", f"{NO_REGEX}: look-around is not offered, at character 1", LINEAR),
        ("err~(?>a)", f"{NO_REGEX}: an atomic group is not offered, at character 1", LINEAR),
        ("err~a++", f"{NO_REGEX}: possessive repetition is not offered, at character 2", LINEAR),
        (r"err~a\Z", rf"{NO_REGEX}: `\Z` is not offered, at character 2", r"write `\z`"),
        (r"err~[^a]{0,200}\pL{0,200}", TOO_LARGE, LESS),
        (r"err~\w{0,900}\w{0,90}", TOO_LARGE, LESS),
        ("sort>age", "write `sort:field` or `sort:-field`", ""),
        ("sort:id sort:age", "there is a second `sort:`", ""),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_write(text: str, sentence: str, hint: str) -> None:
    refused = refusal(text)
    assert (refused.message.partition("\n")[0], refused.hint) == (sentence, hint)


def test_an_unknown_field_is_answered_with_all_fields_and_the_two_nearest() -> None:
    refused = refusal("resaon:x", Noun.QUEUES)
    assert refused.message.startswith("queues have no field `resaon`; did you mean `reason`?\n")
    assert refused.hint == f"fields: {QUEUE_FIELDS}; quote a text that holds a colon"
    assert refusal("sta:x").facts["near"] == ["state", "stage"]
    assert refusal("kind:task.cancled", Noun.EVENTS).facts["near"] == ["task.cancelled", "task.failed"]


def test_the_carets_are_under_the_token() -> None:
    assert refusal("a state: b").message.splitlines()[1:] == ["  a state: b", "          ^"]
    assert refusal("a id:x").message.splitlines()[1:] == ["  a id:x", "       ^"]


def test_the_carets_are_under_the_faulty_part_of_a_pattern() -> None:
    assert refusal("a err~ab(?=c)").message.splitlines()[1:] == ["  a err~ab(?=c)", "          ^^^"]
    _, line, carets = refusal(r'err~"\"(\\1"').message.splitlines()
    assert line[carets.index("^") :] == r'\1"'
    assert carets.count("^") == 2


def test_a_long_filter_is_shown_around_the_token() -> None:
    _, line, carets = refusal(f"{'a' * 99} id:{'b' * 200} {'c' * 99}").message.splitlines()
    assert line == f"  {'a' * 56} id:{'b' * 120} {'c' * 59}"
    assert carets == f"  {' ' * 60}{'^' * 120}"


def test_the_longest_filter_and_pattern_are_read() -> None:
    assert parse("x" * LONGEST_FILTER, Noun.TASKS).terms
    assert parse(f"err~{'a' * LONGEST_PATTERN}", Noun.TASKS).terms


def test_the_order_may_be_asked_for_with_an_equals_sign() -> None:
    assert parse("sort=-id", Noun.TASKS) == parse("sort:-id", Noun.TASKS)
