"""What reported tokens and amounts come to."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.model.limits.amounts import AMOUNT_MAX
from core.model.limits.limits import MICRO, UNPRICED, Price, Spent
from core.model.limits.usage import Reported
from core.rules.prices import book, cost_of, price_of, price_text

JANUARY, JUNE = 1_767_225_600_000, 1_780_272_000_000
OLD = Price(model="gpt-x", input=2_500_000, output=10_000_000)
NEW = Price(model="gpt-x", input=1_250_000, output=5_000_000, since=JUNE)
OTHER = Price(model="gpt-y", input=1, output=1, per=3)
PRICES = (OLD, NEW, OTHER)


def tokens(input_: int, output: int = 0, *, model: str = "gpt-x", **more: object) -> Reported:
    return Reported(amounts={}, model=model, input=input_, output=output, **more)  # type: ignore[arg-type]


def dollars(text: str, **more: object) -> Reported:
    return Reported(amounts={"usd": Fraction(text)}, **more)  # type: ignore[arg-type]


def test_the_price_of_a_moment_is_the_last_that_began_by_then() -> None:
    assert price_of(PRICES, "gpt-x", at=JUNE - 1) == OLD
    assert price_of(PRICES, "gpt-x", at=JUNE) == NEW
    assert price_of((NEW,), "gpt-x", at=JUNE - 1) is None
    assert price_of(PRICES, "gpt-z", at=JUNE) is None


def test_a_price_is_written_with_the_day_it_began() -> None:
    assert price_text(OLD) == "2.5/10 usd per 1000000"
    assert price_text(Price(model="m", input=1, output=2, per=10, since=JANUARY)) == (
        "0.000001/0.000002 usd per 10 from 2026-01-01"
    )
    assert price_text(Price(model="m", input=0, output=0, since=JANUARY + 1_000)).endswith("T00:00:01Z")


def test_tokens_become_dollars_by_the_price_which_is_kept() -> None:
    spent, too_much = book([tokens(1_000, 200)], PRICES, now=JANUARY)
    assert too_much == []
    assert spent == [
        Spent(unit="tokens", amount=1_200 * MICRO, model="gpt-x"),
        Spent(unit="usd", amount=4_500, model="gpt-x", price=price_text(OLD)),
    ]


def test_a_moment_that_was_named_has_the_price_of_then_unless_it_is_ahead() -> None:
    (_, then), _ = book([tokens(MICRO, at=JANUARY)], PRICES, now=JUNE)
    (_, ahead), _ = book([tokens(MICRO, at=JUNE)], PRICES, now=JANUARY)
    assert (then.price, ahead.price) == (price_text(OLD), price_text(OLD))


def test_parts_that_belong_together_are_rounded_once_and_half_to_even() -> None:
    for thirds, expected in ((1, 0), (2, 1), (3, 1), (4, 1), (5, 2)):
        (_, spent), _ = book([tokens(1, model="gpt-y")] * thirds, PRICES, now=0)
        assert (spent.unit, spent.amount) == ("usd", expected)
    for text, expected in (("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2)):
        assert book([dollars(text)], (), now=0)[0] == [Spent(unit="usd", amount=expected)]


def test_a_model_without_a_price_is_booked_as_nothing_and_marked() -> None:
    spent, _ = book([tokens(7, model="new")], PRICES, now=JUNE)
    assert [(one.unit, one.amount, one.price) for one in spent] == [
        ("tokens", 7 * MICRO, None),
        ("usd", 0, UNPRICED),
    ]


def test_dollars_that_a_report_names_itself_are_not_priced() -> None:
    one = Reported(amounts={"usd": Fraction("0.1")}, model="gpt-x", input=1_000)
    spent, _ = book([one], PRICES, now=JUNE)
    assert [(entry.unit, entry.amount, entry.price) for entry in spent] == [
        ("usd", 100_000, None),
        ("tokens", 1_000 * MICRO, None),
    ]


def test_each_charge_has_entries_of_its_own_and_counts_once() -> None:
    spent, _ = book(
        [dollars("1", charge="a"), dollars("2"), dollars("3", charge="a"), dollars("4")], (), now=0
    )
    assert spent == [
        Spent(unit="usd", amount=6 * MICRO),
        Spent(unit="usd", amount=MICRO, charge="a"),
    ]


def test_what_is_more_than_can_be_counted_is_left_out_whole() -> None:
    most = dollars(str(AMOUNT_MAX))
    more = Reported(amounts={"usd": Fraction(1), "tokens": Fraction(5)})
    spent, too_much = book([most, more, dollars("0")], (), now=0)
    assert (spent, too_much) == ([Spent(unit="usd", amount=AMOUNT_MAX * MICRO)], [more])


@given(
    st.lists(
        st.builds(
            tokens,
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            model=st.sampled_from(("gpt-x", "gpt-y", "new")),
            at=st.sampled_from((None, JANUARY, JUNE)),
        ),
        max_size=20,
    )
)
def test_entries_are_within_half_a_millionth_of_the_exact_sum(reports: list[Reported]) -> None:
    spent, _ = book(reports, PRICES, now=JUNE)
    exact = Fraction(0)
    for one in reports:
        price = price_of(PRICES, str(one.model), at=JUNE if one.at is None else one.at)
        exact += 0 if price is None else cost_of(price, input=one.input, output=one.output)
    in_dollars = [one for one in spent if one.unit == "usd"]
    assert abs(sum(one.amount for one in in_dollars) - exact * MICRO) <= Fraction(len(in_dollars), 2)
    assert sum(one.amount for one in spent if one.unit == "tokens") == MICRO * sum(
        one.input + one.output for one in reports
    )
