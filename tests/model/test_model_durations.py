"""Tests of durations: both parsers, their refusals, exact texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Ago, Compare, Op
from core.model.errors import Invalid
from core.model.timing.durations import (
    LONGEST_MS,
    UNITS,
    parse_document_duration,
    parse_duration,
    write_duration,
)
from core.workflows.field_types import Duration

READ = [
    ("250ms", 250),
    ("0s", 0),
    ("2s", 2_000),
    ("10m", 600_000),
    ("1.5h", 5_400_000),
    ("1h30m", 5_400_000),
    ("1d", 86_400_000),
    ("1w2d", 777_600_000),
    ("1w1d1h1m1s1ms", 694_861_001),
    ("0.0004s", 0),
    ("0.0005s", 0),
    ("0.0006s", 1),
    ("000000000000001s", 1_000),
    ("0.123456d", 10_666_598),
    ("36600d", LONGEST_MS),
]
"""Durations as filters, documents, options and inputs write them, in ms."""
SPACED = [("10 m", 600_000), (" 1h\t30m\n", 5_400_000), ("1s" * 50, 50_000)]
"""What only a quoted value of a filter can hold, or one that is longer than a bare one is written."""
REFUSED = [
    "",
    " ",
    "10",
    "m",
    "-1s",
    "+1s",
    "1S",
    "1e3s",
    "inf",
    "nan",
    "١s",
    "1.s",
    ".5s",
    "1,5s",
    "1.0000000s",
    "1" * 16 + "ms",
    "2 weeks",
    "1mo",
    "1s!",
    "!1s",
    "1s" * 51,
]
"""Texts that are not durations at any door."""
TOO_LONG = ["36600d1ms", "5229w", "9" * 15 + "w"]


@pytest.mark.parametrize(("text", "ms"), READ + SPACED)
def test_both_doors_read_the_same_durations(text: str, ms: int) -> None:
    assert (parse_duration(text), parse_document_duration(text)) == (ms, ms)


@pytest.mark.parametrize(("text", "ms"), READ)
def test_a_filter_reads_every_duration(text: str, ms: int) -> None:
    assert parse(f"age>{text}", Noun.TASKS).terms == (Compare(field="age", op=Op.MORE, value=Ago(ms=ms)),)


@pytest.mark.parametrize(("text", "ms"), READ + SPACED)
def test_a_document_reads_every_duration(text: str, ms: int) -> None:
    assert TypeAdapter(Duration).validate_python(text) == ms


@pytest.mark.parametrize("text", REFUSED)
def test_both_doors_refuse_anything_else_in_the_same_words(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_duration(text)
    assert refused.value.code == "duration.invalid"
    assert refused.value.message == f"'{text[:40]}' is not a length of time"
    assert refused.value.hint == "write a number with a unit: 250ms, 90s, 10m, 1h30m, 7d"
    with pytest.raises(Invalid) as faulty:
        parse_document_duration(text)
    assert faulty.value.to_json() == refused.value.to_json()


@pytest.mark.parametrize("text", TOO_LONG)
def test_both_doors_refuse_more_than_a_century(text: str) -> None:
    for door in (parse_duration, parse_document_duration):
        with pytest.raises(Invalid, match="longer length of time than a century") as refused:
            door(text)
        assert (refused.value.code, refused.value.hint) == ("duration.too_long", "use less")


@pytest.mark.parametrize(
    ("value", "shown"), [("9000w" + "1s" * 40, "9000w" + "1s" * 17 + "1"), (10**10, "10000000000")]
)
def test_a_refusal_of_what_is_too_long_begins_with_its_first_forty_characters(
    value: object, shown: str
) -> None:
    with pytest.raises(Invalid) as refused:
        parse_document_duration(value)
    assert refused.value.message == f"'{shown}' is a longer length of time than a century"


@pytest.mark.parametrize(
    ("number", "ms"), [(0, 0), (2, 2_000), (0.25, 250), (0.0004, 0), (LONGEST_MS // 1_000, LONGEST_MS)]
)
def test_a_number_in_a_document_means_seconds(number: float, ms: int) -> None:
    assert parse_document_duration(number) == ms


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), True, False, None, [], {}])
def test_no_other_value_of_a_document_is_a_duration(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        parse_document_duration(value)
    assert refused.value.code == "duration.invalid"
    assert str(value) in refused.value.message


@pytest.mark.parametrize("number", [LONGEST_MS // 1_000 + 1, 1e300, float("inf"), 10**400])
def test_a_number_of_seconds_has_the_same_bound(number: float) -> None:
    with pytest.raises(Invalid) as refused:
        parse_document_duration(number)
    assert refused.value.code == "duration.too_long"


def test_a_filter_refuses_a_number_without_a_unit() -> None:
    with pytest.raises(Invalid, match="'10' is not a length of time") as refused:
        parse("age>10", Noun.TASKS)
    assert refused.value.code == "filter.duration"


def test_a_document_shows_how_a_duration_is_written() -> None:
    with pytest.raises(ValidationError, match="'10' is not a length of time; write a number with a unit"):
        TypeAdapter(Duration).validate_python("10")


def test_a_refusal_shows_the_text_safely() -> None:
    with pytest.raises(Invalid, match="␛"):
        parse_duration("\x1b[2J")


@given(st.integers(0, LONGEST_MS))
def test_what_is_written_is_read_again(ms: int) -> None:
    assert parse_duration(write_duration(ms)) == ms


@given(st.integers(0, LONGEST_MS))
def test_a_duration_is_written_with_each_unit_once_and_the_longest_first(ms: int) -> None:
    written = write_duration(ms)
    units = re.findall("[a-z]+", written)
    assert units == sorted(set(units), key=list(UNITS).index)
    assert written == "0s" or not re.search(r"(?<![0-9])0", written)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (1, "1ms"), (1_001, "1s1ms"), (5_400_000, "1h30m"), (694_861_001, "1w1d1h1m1s1ms")],
)
def test_durations_are_written_exactly(ms: int, text: str) -> None:
    assert write_duration(ms) == text
