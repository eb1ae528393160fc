"""Rates as they are written, and as they are shown."""

from __future__ import annotations

import pytest

from core.model.limits.rates import parse_rate, shown_rate


@pytest.mark.parametrize("written", ["60/min", "5/s", "7/hour", "1/day"])
def test_a_rate_is_shown_as_it_was_written(written: str) -> None:
    assert shown_rate(parse_rate(written).step_us, written) == written


def test_a_rate_that_a_store_has_kept_since_rates_had_no_reserve_is_shown_as_it_was_written() -> None:
    assert shown_rate(1_000_000, "60/min") == "60/min"


@pytest.mark.parametrize("written", ["", "60/year", "0/min", "3/s"])
def test_a_step_of_another_rate_is_shown_in_the_shortest_period(written: str) -> None:
    assert shown_rate(500_000, written) == "2/s"
