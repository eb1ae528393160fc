"""Safe text: nothing passes that a terminal would act on or hide."""

from __future__ import annotations

import sys
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.text import ELLIPSIS, cells, clip, clip_name, fit, fit_name, safe, safe_line

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
DRIVING = ("Cc", "Cf", "Cs", "Zl", "Zp")
NONCHARACTERS = {
    *range(0xFDD0, 0xFDF0),
    *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
}
HIDDEN = {
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x3164,
    0xFFA0,
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    # Tags and selectors.
    *range(0xE0000, 0xE1000),
}
# Reserved as ignorable, not assigned yet: replaced although their category says nothing.
RESERVED = set(map(chr, (0x2065, *range(0xFFF0, 0xFFF9), *range(0x13439, 0x13440))))


@pytest.fixture(scope="module")
def everything() -> str:
    return "".join(map(chr, range(sys.maxunicode + 1)))


@pytest.fixture(scope="module")
def unsafe(everything: str) -> set[str]:
    """Return all that must not pass."""
    driving = {character for character in everything if category(character) in DRIVING}
    return (driving | set(map(chr, NONCHARACTERS | HIDDEN))) - {"\t", "\n"}


def test_all_of_unicode_passes_only_where_it_is_harmless(everything: str, unsafe: set[str]) -> None:
    characters = everything.replace("\n", "")
    # One call for all; a text that is ASCII alone takes a way of its own.
    shown = safe("\n".join(characters)).split("\n")
    for code in range(0x80):
        assert safe(chr(code)) == ("\n" if chr(code) == "\n" else shown[code - (code > 0x0A)])
    replaced = {character for character, line in zip(characters, shown, strict=True) if line != character}
    assert unsafe - replaced == set()
    assert replaced - unsafe <= RESERVED


def test_glyphs_are_themselves_safe(everything: str, unsafe: set[str]) -> None:
    once = safe(everything)
    assert safe(once) == once
    assert unsafe.isdisjoint(once)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b2J", "‹U+009B›2J"),
        ("a\x7fb\x00", "a␡b␀"),
        ("over\rwrite", "over␍write"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero‹U+200B›width‹U+FEFF›"),
        ("a\u2028b\u2066c", "a‹U+2028›b‹U+2066›c"),
        ("\ud800", "‹U+D800›"),
        ("\U000e0041", "‹U+E0041›"),
        ("\ufffe\U0010ffff", "‹U+FFFE›‹U+10FFFF›"),
        ("plain, Grüße, 日本, 🙂\t[b]\n", "plain, Grüße, 日本, 🙂\t[b]\n"),
    ],
)
def test_what_would_act_becomes_visible(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_a_line_shows_its_tabs_and_newlines() -> None:
    assert safe_line("a\tb\nc\r") == "a␉b␊c␍"


@given(ANY_TEXT)
def test_making_safe_twice_changes_nothing(text: str) -> None:
    assert safe(safe(text)) == safe(text)
    assert safe_line(safe_line(text)) == safe_line(text)
    safe(text).encode()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("ü", 1), ("🙂", 2), ("\u1100\u1161", 2), ("ﾊ", 1)],
)
def test_cells_are_counted_as_terminals_draw(text: str, count: int) -> None:
    assert cells(text) == count


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("abc", -1, ""),
        ("", 0, ""),
        ("a\nb\x1b", 9, "a␊b␛"),
    ],
)
def test_a_cut_shows_and_fits(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown


@given(ANY_TEXT, st.integers(0, 40))
def test_clipped_text_never_exceeds_and_fitted_text_fills_its_width(text: str, width: int) -> None:
    clipped = clip(text, width)
    assert cells(clipped) <= width
    assert cells(fit(text, width)) == width
    assert cells(fit(text, width, right=True)) == width
    assert clipped == safe_line(text) or clipped.endswith(ELLIPSIS) or width == 0


def test_text_stands_at_the_side_asked_for() -> None:
    assert fit("7", 3) == "7  "
    assert fit("7", 3, right=True) == "  7"


@pytest.mark.parametrize(
    ("name", "width", "cut"),
    [
        ("nightly", 10, "nightly"),
        ("nightly-import-region-07-customers", 22, "nightly…n-07-customers"),
        ("nightly-import-region-07-customers", 9, "nig…omers"),
        ("nightly-import", 7, "nightl…"),
        ("六百六百六百六百六百", 10, "六…百六百"),
        ("short", 0, ""),
    ],
)
def test_a_name_is_cut_in_the_middle(name: str, width: int, cut: str) -> None:
    assert clip_name(name, width) == cut


@given(st.text(), st.integers(0, 60))
def test_a_cut_name_fits_and_a_fitted_one_fills_its_width(text: str, width: int) -> None:
    assert cells(clip_name(text, width)) <= width
    assert cells(fit_name(text, width)) == width
