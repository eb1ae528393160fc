"""Tests of column widths: by priority and by the rows' needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.filters.fields import Noun
from core.model.records import replace
from core.render.columns import COLUMNS, GAP, Column, Form
from core.render.widths import ColumnLayout, allot_widths, visible_columns, widen_last, widened_needs

FORMS = (Form.TEXT, Form.NUMBER, Form.AGE, Form.TIME, Form.JSON)


def column(name: str, width: int, *, min_width: int = 0, priority: int = 0, form: Form = Form.TEXT) -> Column:
    return Column(
        name=name, title=name, form=form, path="key", width=width, min_width=min_width, priority=priority
    )


@st.composite
def lists(draw: st.DrawFn) -> tuple[Column, ...]:
    found = []
    for number in range(draw(st.integers(1, 9))):
        width = draw(st.integers(2, 30))
        found.append(
            column(
                f"{number}",
                width,
                min_width=draw(st.integers(0, width)),
                priority=draw(st.integers(0, 4)),
                form=draw(st.sampled_from(FORMS)),
            )
        )
    return tuple(found)


NEEDS = st.dictionaries(st.integers(0, 8).map(str), st.integers(0, 90))
WIDTHS = st.integers(0, 220)


def taken(shape: ColumnLayout) -> int:
    return sum(room for _, room in shape) + GAP * max(0, len(shape) - 1)


@given(lists(), NEEDS, WIDTHS)
def test_no_share_is_larger_than_the_width_and_none_is_less_than_a_cell(
    columns: tuple[Column, ...], needs: dict[str, int], width: int
) -> None:
    shape = allot_widths(columns, needs, width)
    assert taken(shape) <= width
    assert all(room >= 1 for _, room in shape)
    assert [one for one in columns if one in dict(shape)] == [one for one, _ in shape]


@given(lists(), NEEDS, WIDTHS)
def test_nobody_goes_before_what_matters_less(
    columns: tuple[Column, ...], needs: dict[str, int], width: int
) -> None:
    shown = {one.name for one, _ in allot_widths(columns, needs, width)}
    most = max((one.priority for one in columns if one.name in shown), default=0)
    assert all(one.priority >= most for one in columns if one.name not in shown)


@given(lists(), NEEDS, NEEDS, WIDTHS)
def test_what_the_rows_hold_never_takes_a_column_away(
    columns: tuple[Column, ...], needs: dict[str, int], others: dict[str, int], width: int
) -> None:
    shown = [[one.name for one, _ in allot_widths(columns, held, width)] for held in (needs, others)]
    assert shown[0] == shown[1]


@given(lists(), NEEDS, WIDTHS)
def test_room_is_left_only_when_nobody_needs_it(
    columns: tuple[Column, ...], needs: dict[str, int], width: int
) -> None:
    shape = allot_widths(columns, needs, width)
    hungry = [one for one, room in shape if room < max(len(one.title), needs.get(one.name, 0))]
    assert not hungry or taken(shape) == width


@given(lists(), NEEDS, WIDTHS)
def test_nobody_is_filled_beyond_its_width_while_one_that_matters_as_much_lacks_its_own(
    columns: tuple[Column, ...], needs: dict[str, int], width: int
) -> None:
    shape = allot_widths(columns, needs, width)
    generous = [one for one, room in shape if room > max(one.width, one.floor)]
    lacking = [one for one, room in shape if room < min(one.width, max(1, needs.get(one.name, 0)))]
    assert not (generous and lacking)


@given(lists(), NEEDS, WIDTHS)
def test_the_rest_goes_to_one_column_whose_text_may_be_of_any_length(
    columns: tuple[Column, ...], needs: dict[str, int], width: int
) -> None:
    shape = allot_widths(columns, needs, width)
    whole = widen_last(shape, width)
    grown = [one for (one, room), (_, before) in zip(whole, shape, strict=True) if room != before]
    flexible = [one for one, _ in shape if one.form in (Form.TEXT, Form.JSON)]
    assert grown == ([flexible[-1]] if flexible and taken(shape) < width else [])
    assert taken(whole) == (width if flexible else taken(shape))


def test_the_room_that_short_texts_leave_goes_where_it_is_needed() -> None:
    columns = (column("name", 20, min_width=10), column("text", 20, min_width=10))
    assert [room for _, room in allot_widths(columns, {"name": 5, "text": 90}, 42)] == [5, 35]
    assert [room for _, room in allot_widths(columns, {"name": 90, "text": 90}, 52)] == [25, 25]


def test_what_matters_more_reaches_its_width_first() -> None:
    columns = (column("b", 20, min_width=10, priority=1), column("a", 20, min_width=10))
    assert [room for _, room in allot_widths(columns, {"a": 90, "b": 90}, 32)] == [10, 20]


def test_what_grows_by_itself_has_its_room_before_it_needs_it() -> None:
    age = column("age", 7, min_width=6, form=Form.AGE)
    assert allot_widths((age,), {"age": 2}, 40) == ((age, 6),)
    number = replace(age, form=Form.NUMBER)
    assert allot_widths((number,), {"age": 2}, 40) == ((number, 3),)


def test_a_width_below_all_floors_is_taken_from_the_widest() -> None:
    columns = [one for one in COLUMNS[Noun.TASKS] if one.priority == 0]
    rooms = [room for _, room in allot_widths(columns, {"id": 7, "key": 30, "status": 10}, 20)]
    assert sum(rooms) + GAP * 2 == 20
    assert max(rooms) - min(rooms) <= 1


@pytest.mark.parametrize(
    ("width", "rooms"),
    [
        (0, []),
        (1, [1]),
        (3, [3]),
        (4, [1, 1]),
        (6, [2, 2]),
        (7, [1, 1, 1]),
        (9, [1, 2, 2]),
        (19, [5, 5, 5]),
    ],
)
def test_columns_that_always_stay_go_from_the_right_where_not_even_a_cell_is_left(
    width: int, rooms: list[int]
) -> None:
    columns = tuple(column(name, 5) for name in "abc")
    assert [room for _, room in allot_widths(columns, dict.fromkeys("abc", 9), width)] == rooms


def test_needs_only_grow() -> None:
    needs = widened_needs({"a": 4}, ("a", "b"), [("x", "六百"), ("yyyyy", "")])
    assert needs == {"a": 5, "b": 4}
    assert widened_needs(needs, ("a", "b"), [("x", "x")]) == needs


def test_a_text_of_one_cell_is_a_need_and_an_empty_one_is_not() -> None:
    assert widened_needs({}, ("a", "b"), [("x", "")]) == {"a": 1}


@pytest.mark.parametrize("row", [(), ("x",), ("x", "y", "z")])
def test_a_row_of_another_length_than_the_names_is_refused(row: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        widened_needs({}, ("a", "b"), [row])


@pytest.mark.parametrize("noun", list(Noun))
def test_columns_have_room_or_go_by_priority(noun: Noun) -> None:
    columns = COLUMNS[noun]
    for width in range(0, 250, 7):
        chosen = visible_columns(columns, width)
        fits = sum(column.floor for column in chosen) + GAP * (len(chosen) - 1) <= width
        assert fits or {column.priority for column in chosen} == {0}
        assert [column for column in columns if column in chosen] == list(chosen)
        dropped = [column.priority for column in columns if column not in chosen]
        assert max((column.priority for column in chosen), default=0) <= min(dropped, default=99)
        assert {column for column in columns if column.priority == 0} <= set(chosen)


def test_every_list_fits_its_first_columns_on_sixty_cells() -> None:
    for columns in COLUMNS.values():
        chosen = visible_columns(columns, 60)
        assert sum(column.floor for column in chosen) + GAP * (len(chosen) - 1) <= 60


@pytest.mark.parametrize(
    ("noun", "names"),
    [
        (Noun.JOBS, ("age", "took")),
        (Noun.TASKS, ("age", "took", "err")),
        (Noun.EVENTS, ("key", "data")),
        (Noun.QUEUES, ("oldest", "paused", "failed")),
    ],
)
def test_eighty_cells_have_room_for_what_is_looked_for_first(noun: Noun, names: tuple[str, ...]) -> None:
    assert {*names} <= {column.name for column in visible_columns(COLUMNS[noun], 78)}


def test_of_equals_the_rightmost_goes_first() -> None:
    a, b = (column(name, 5, priority=1) for name in "ab")
    assert visible_columns((a, b), 11) == (a,)
    assert visible_columns((a, b), 12) == (a, b)
