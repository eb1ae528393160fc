"""Tests of the search for a text in lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.filters.patterns import Case
from core.filters.text_query import TextQuery, TextSearch

BYTES = st.lists(
    st.sampled_from([b"ab", b"AB", b"a", b"b", b"\n", b"\xff", b"\xfe", b"\xc0", b"\0", b"\x01"])
)


@given(BYTES.map(b"".join), st.sampled_from(["ab", "b", "aba", "\x01"]), st.sampled_from(list(Case)))
def test_lines_are_counted_at_once_as_they_are_one_by_one(data: bytes, text: str, case: Case) -> None:
    search = TextSearch(TextQuery(text=text, case=case))
    fold = bytes.lower if case is Case.ANY else bytes
    wanted = sum(text.encode() in fold(line) for line in data.split(b"\n"))
    assert search.count_in(data, longest=1_000) == wanted


@pytest.mark.parametrize(("line", "count"), [(b"x" * 10, 2), (b"x" * 11, None)])
def test_a_line_that_is_too_long_is_left_to_the_slow_way(line: bytes, count: int | None) -> None:
    assert TextSearch(TextQuery(text="x")).count_in(line + b"\n" + line, longest=10) == count
