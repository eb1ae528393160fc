"""Tests of the themes: all complete, faults with file and line."""

from __future__ import annotations

from importlib.resources import files

import pytest
from textual.color import Color

from console.themes import PLAIN, STATUSES, contrast, first_theme, looks, read_look, unknown_theme
from core.model.errors import Invalid

DARK = (files("themes") / "dark.toml").read_text("utf-8")


def test_four_themes_are_shipped_and_mark_every_status() -> None:
    found = looks()
    assert set(found) == {"dark", "light", "high-contrast", "ansi"}
    for look in found.values():
        assert set(look.marks) == set(STATUSES)


def test_the_ansi_theme_names_no_colour_of_its_own() -> None:
    look = looks()[PLAIN]
    assert look.theme.ansi
    assert all(mark.color.startswith("ansi_") for mark in look.marks.values())


@pytest.mark.parametrize(
    ("old", "new", "place", "kind"),
    [
        ('primary = "#4c9be8"', 'primry = "#4c9be8"', "mine.toml:5", "theme.key"),
        ('primary = "#4c9be8"', 'primary = "blurple"', "mine.toml:5", "theme.value"),
        ('primary = "#4c9be8"', "primary = 7", "mine.toml:5", "theme.value"),
        ("failed = {", "faild = {", "mine.toml:22", "theme.key"),
        ('glyph = "✗"', 'glyph = "XX"', "mine.toml:22", "theme.value"),
        ('glyph = "✗"', 'sign = "x"', "mine.toml:22", "theme.value"),
        ('failed = {color = "#f27a7a"', 'failed = {color = "#331111"', "mine.toml:22", "theme.contrast"),
        ('name = "dark"', "name = ", "line 1", "theme.syntax"),
        ('background = "#14181d"', "", "mine.toml:1", "theme.missing"),
    ],
)
def test_a_fault_is_named_with_file_and_line(old: str, new: str, place: str, kind: str) -> None:
    assert old in DARK
    with pytest.raises(Invalid) as refusal:
        read_look(DARK.replace(old, new, 1), "mine.toml")
    assert refusal.value.code == kind
    assert place in refusal.value.message


def test_a_status_without_a_mark_is_named() -> None:
    text = "\n".join(line for line in DARK.splitlines() if not line.startswith("lost ="))
    with pytest.raises(Invalid, match="'lost'"):
        read_look(text, "mine.toml")


def test_contrast_is_that_of_the_accessibility_guidelines() -> None:
    assert contrast(Color.parse("#000000"), Color.parse("#ffffff")) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), Color.parse("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm", "TASKDECK_THEME": "light"}, "light"),
        ({"TERM": "xterm", "TASKDECK_THEME": "none such"}, "dark"),
        ({"TERM": "xterm", "TASKDECK_THEME": "light", "NO_COLOR": ""}, PLAIN),
        ({"TERM": "linux"}, PLAIN),
    ],
)
def test_the_theme_to_begin_with_fits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert first_theme(looks(), environ) == name


def test_a_theme_that_does_not_exist_is_named_beside_those_that_do() -> None:
    said = unknown_theme(looks(), {"TASKDECK_THEME": "no\x1bsuch"})
    assert said.startswith("'no␛such' is not a theme; there are: ")
    assert "high-contrast" in said
    assert unknown_theme(looks(), {"TASKDECK_THEME": "light"}) == unknown_theme(looks(), {}) == ""
