"""The file in which an attempt reports what it spent, also hostile."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.limits.usage import FILE_BYTES, LINES_MAX, Reported
from core.rules.prices import book
from core.rules.usage_lines import read_usage


def test_amounts_and_tokens_are_read_line_by_line() -> None:
    data = (
        b'{"usd": 0.003}\n\n{"tokens": 120}\r\n'
        b'{"model": "gpt-x", "input": 1000, "output": 200}\n{"usd": "0.1", "id": "a", "at": 5}'
    )
    file = read_usage(data)
    assert (file.ignored, file.fault) == (0, "")
    assert file.reports == (
        Reported(amounts={"usd": Fraction(3, 1_000)}),
        Reported(amounts={"tokens": Fraction(120)}),
        Reported(amounts={}, model="gpt-x", input=1_000, output=200),
        Reported(amounts={"usd": Fraction(1, 10)}, charge="a", at=5),
    )


def test_decimals_are_exact_however_many_there_are() -> None:
    (one,) = read_usage(b'{"usd": 0.1000000000000000055511151231257827}').reports
    assert one.amounts["usd"] == Fraction("0.1000000000000000055511151231257827")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"usd": -0.1}', "`usd`: '-0.1' is not a number from 0"),
        ('{"usd": 1e999}', "is not a number from 0"),
        ('{"usd": 1000000001}', "is not a number from 0"),
        ('{"usd": NaN}', "it is not JSON"),
        ('{"usd": true}', "`usd`: True is not a number"),
        ('{"usd": null}', "`usd`: None is not a number"),
        ('{"usd": [1]}', "is not a number from 0"),
        ('{"USD": 1}', "`USD` is not the name of a unit"),
        ('{"a\\u001b[31m": 1}', "is not the name of a unit"),
        ("{}", "it names no amount"),
        ('{"model": "m"}', "it names no amount"),
        ('{"input": 3}', "need the `model`"),
        ('{"model": "m", "input": 3, "tokens": 3}', "are the sum"),
        ('{"model": "m", "input": -3}', "`input` must be a whole number"),
        ('{"model": "m", "input": 0.5}', "`input` must be a whole number"),
        ('{"model": "", "usd": 1}', "`model` must be a printable text"),
        ('{"model": "\\u001b[2J", "usd": 1}', "`model` must be a printable text"),
        ('{"model": "\\ud800", "usd": 1}', "`model` must be a printable text"),
        ('{"id": 7, "usd": 1}', "`id` must be a printable text"),
        ("[1]", "it is not of the form"),
        ("0.003", "it is not of the form"),
        ("usd 3", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("9" * 5_000, "it is not JSON"),
        (json.dumps({f"u{n}": 1 for n in range(11)}), "more than 10 units"),
    ],
)
def test_a_bad_line_is_ignored_alone_and_said(line: str, fault: str) -> None:
    file = read_usage(f'{{"usd": 1}}\n{line}\n{{"usd": 2}}\n'.encode())
    assert [one.amounts for one in file.reports] == [{"usd": 1}, {"usd": 2}]
    assert file.ignored == 1
    assert file.fault.startswith("line 2: ")
    assert fault in file.fault
    assert file.fault.isprintable()


def test_a_file_over_its_bounds_is_read_up_to_them_without_half_a_line() -> None:
    many = read_usage(b'{"usd": 1}\n' * (LINES_MAX + 3))
    assert (len(many.reports), many.ignored, many.fault) == (
        LINES_MAX,
        3,
        "the file has more than 2,000 lines",
    )
    line = b'{"usd": 1' + b" " * 1_000 + b"0}\n"
    data = b'{"usd": 100}' + b" " * (FILE_BYTES - 22) + b'\n{"usd": 100}'
    big = read_usage(data[: FILE_BYTES + 1])
    assert (len(big.reports), big.ignored, big.fault) == (
        1,
        1,
        "the file has more than 262,144 bytes",
    )
    assert read_usage(line).reports == ()


@given(st.binary(max_size=300))
def test_no_content_raises(data: bytes) -> None:
    file = read_usage(data)
    book(file.reports, (), now=0)
    assert bool(file.ignored) == bool(file.fault)
