"""Tests of wrapping: between words, by cells, without loss."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.text import SafeText, cells, safe_line
from core.render.wrapping import wrap

LINES = st.text(st.sampled_from("abc   de-/\u0301六百🙂é") | st.characters(codec="utf-8"), max_size=200).map(
    safe_line
)


def pieces(line: str, width: int, later: int = 0) -> list[str]:
    return list(wrap(SafeText(line), width, continuation_width=later))


@given(LINES, st.integers(2, 60), st.integers(2, 60))
def test_pieces_fit_and_joined_they_are_the_line(line: SafeText, width: int, later: int) -> None:
    found = pieces(line, width, later)
    assert "".join(found) == line
    assert cells(found[0]) <= width
    assert all(len(piece) > 0 and cells(piece) <= later for piece in found[1:])


@given(LINES, st.integers(2, 60))
def test_a_word_is_cut_only_where_it_is_the_first_of_its_piece(line: SafeText, width: int) -> None:
    found = pieces(line, width)
    for before, after in pairwise(found):
        if before[-1] != " " and after[0] != " ":
            assert " " not in before.lstrip(" ")


@pytest.mark.parametrize(
    ("line", "width", "found"),
    [
        ("", 5, [""]),
        ("one two three", 8, ["one two ", "three"]),
        ("one two three", 7, ["one two", " three"]),
        ("a" * 12, 5, ["aaaaa", "aaaaa", "aa"]),
        ("    abcdefgh", 6, ["    ab", "cdefgh"]),
        ("六百 六百", 6, ["六百 ", "六百"]),
        ("六百六百", 5, ["六百", "六百"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
        ("六", 1, ["六"]),
        ("六六", 1, ["六", "六"]),
        ("abc", 1, ["a", "b", "c"]),
    ],
)
def test_lines_are_broken_between_words_where_there_are_any(line: str, width: int, found: list[str]) -> None:
    assert pieces(line, width) == found


def test_pieces_after_the_first_may_have_less_room() -> None:
    assert pieces("one two three four", 9, 6) == ["one two ", "three ", "four"]
