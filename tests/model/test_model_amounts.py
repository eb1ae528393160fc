"""Amounts are exact, whatever form they come in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.model.limits.amounts import AMOUNT_MAX, parse_amount, round_amount, write_amount
from core.model.limits.limits import MICRO

_amounts = st.integers(0, AMOUNT_MAX * MICRO)


@pytest.mark.parametrize(
    ("value", "micro"),
    [
        (0, 0),
        (3_000, 3_000_000_000),
        (0.02, 20_000),
        ("0.02", 20_000),
        (0.000001, 1),
        ("0.1", 100_000),
        ("1e3", 1_000_000_000),
        (".5", 500_000),
        ("2.", 2_000_000),
        ("0.0200000000", 20_000),
        (999_999_999.123457, 999_999_999_123_457),
        (AMOUNT_MAX, AMOUNT_MAX * MICRO),
    ],
)
def test_an_amount_is_the_decimal_that_was_written(value: object, micro: int) -> None:
    assert parse_amount(value) == micro


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-0.01",
        True,
        None,
        "",
        " 1",
        "1,5",
        "1_000",
        "0x10",
        "auto",
        "1/2",
        "nan",
        float("inf"),
        0.0000001,
        "0.0200000000000000000001",
        AMOUNT_MAX + 1,
        "1000000000.000001",
        "1e999",
        "1e-999",
        "٣",
        "9" * 61,
        [1],
    ],
)
def test_what_is_not_an_amount_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as caught:
        parse_amount(value)
    assert caught.value.code == "amount.invalid"
    assert caught.value.hint


@given(_amounts)
def test_what_is_written_is_read_as_it_was(amount: int) -> None:
    text = write_amount(amount)
    assert parse_amount(text) == amount
    assert Decimal(text) * MICRO == amount
    # A float keeps every digit of every amount within the bounds.
    assert parse_amount(float(text)) == amount


def test_a_correction_is_written_with_its_sign() -> None:
    assert (write_amount(-20_000), write_amount(0), write_amount(10 * MICRO)) == ("-0.02", "0", "10")


@pytest.mark.parametrize(("value", "micro"), [(0.1 + 0.2, 300_000), (3, 3_000_000), (1e-9, 0)])
def test_a_computed_number_is_rounded_to_the_nearest_millionth(value: float, micro: int) -> None:
    assert round_amount(value) == micro


@pytest.mark.parametrize("value", [-0.1, AMOUNT_MAX + 1, float("nan"), float("inf"), True])
def test_a_computed_number_has_bounds_too(value: float) -> None:
    with pytest.raises(Invalid):
        round_amount(value)
