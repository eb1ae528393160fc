"""Tests of time columns: one key switches ages and clock times."""

from __future__ import annotations

import re

import pytest

from console.rows.time_columns import Times, shown_as, usual
from core.filters.fields import Noun
from core.render.columns import COLUMNS, Form
from core.render.widths import visible_columns
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl

CLOCK = re.compile(r"\d\d-\d\d \d\d:\d\d")


@pytest.mark.parametrize("noun", list(Noun))
@pytest.mark.parametrize("times", list(Times))
def test_no_moment_is_shown_in_the_other_way_and_nothing_else_differs(noun: Noun, times: Times) -> None:
    columns = COLUMNS[noun]
    found = shown_as(columns, times)
    unwanted = Form.AGE if times is Times.CLOCK else Form.CLOCK
    assert not {column.form for column in found} & {Form.TIME, unwanted}
    assert [column.name for column in found] == [column.name for column in columns]
    spans = [column for column in columns if column.form not in (Form.AGE, Form.TIME)]
    assert all(column in found for column in spans)


@pytest.mark.parametrize("noun", list(Noun))
def test_who_asks_for_the_time_sees_it_on_sixty_cells(noun: Noun) -> None:
    chosen = visible_columns(shown_as(COLUMNS[noun], Times.CLOCK), 58)
    assert any(column.form is Form.CLOCK for column in chosen)


def test_events_begin_with_the_clock_and_all_else_with_ages() -> None:
    assert [noun for noun in Noun if usual(COLUMNS[noun]) is Times.CLOCK] == [Noun.EVENTS]


async def test_t_shows_when_jobs_and_events_were_and_how_long_ago() -> None:
    control = FakeControl()
    control.add_job("nightly")
    async with console(control, size=(80, 24)) as operator:
        assert not CLOCK.search(await operator.sees("AGE", "nightly"))
        await operator.press("t")
        assert CLOCK.search(await operator.sees("CREATED", "nightly"))
        await operator.press("t")
        await operator.misses("CREATED")
        await operator.press("e")
        assert CLOCK.search(await operator.sees("Events of job", "AT ", "DATA"))
        await operator.press("t")
        assert not CLOCK.search(await operator.sees("AGE", "KIND"))
