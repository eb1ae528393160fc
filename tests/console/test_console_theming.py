"""Tests of the themes: all complete, faults with file and line."""

from __future__ import annotations

from importlib.resources import files

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from console.color_depth import ANSI_16, CONTRAST, XTERM_256, Depth, DepthFilter, FaintFilter, contrast
from console.looks import Looks
from console.themes import OWN_COLORS, PLAIN, STATUSES, Look, first_theme, own_looks, read_look, unknown_theme
from core.model.errors import Invalid
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl

DARK = (files("themes") / "dark.toml").read_text("utf-8")


LOOKS = Looks()
COLOURED = [name for name in LOOKS if name != PLAIN]


def test_four_themes_are_shipped_and_all_mark_every_status() -> None:
    assert set(own_looks()) == {"dark", "light", "high-contrast", "ansi"} == set(LOOKS.own)
    assert {"nord", "gruvbox", "dracula", "tokyo-night", "solarized-light"} < set(LOOKS)
    for name in LOOKS:
        assert set(LOOKS[name].marks) == set(STATUSES)


def test_the_ansi_theme_names_no_colour_of_its_own() -> None:
    look = own_looks()[PLAIN]
    assert look.theme.ansi
    assert all(mark.color.startswith("ansi_") for mark in look.marks.values())


def texts_of(look: Look) -> set[str]:
    """Return the colours in which a theme writes."""
    theme = look.theme
    return {
        str(theme.foreground),
        str(theme.accent),
        look.muted,
        *(mark.color for mark in look.marks.values()),
    }


def grounds_of(look: Look) -> tuple[str, ...]:
    """Return the colours on which a theme writes."""
    own = [look.theme.variables["cursor"]] if look in own_looks().values() else []
    return (str(look.theme.background), str(look.theme.panel), *own)


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
def test_a_terminal_of_256_colours_shows_what_the_theme_says(name: str) -> None:
    look = LOOKS[name]
    others = {look.theme.variables[key] for key in OWN_COLORS}
    for color in {*texts_of(look), *grounds_of(look), *others, str(look.theme.surface)}:
        assert Color.parse(color).rgb in XTERM_256.colors.values(), color


@pytest.mark.parametrize("depth", [None, XTERM_256, ANSI_16], ids=["truecolor", "256", "16"])
@pytest.mark.parametrize("name", COLOURED)
def test_every_text_can_be_read_at_every_depth_of_colour(name: str, depth: Depth | None) -> None:
    look = LOOKS[name]
    for ground in grounds_of(look):
        for text in texts_of(look):
            style = Style(color=Color.parse(text).rich_color, bgcolor=Color.parse(ground).rich_color)
            fore, back = style.color.triplet, style.bgcolor.triplet
            if depth is not None:
                [drawn] = DepthFilter(depth).apply([Segment("x", style)], Color.parse(ground))
                fore, back = depth.colors[drawn.style.color.number], depth.colors[drawn.style.bgcolor.number]
            assert contrast(fore, back) >= CONTRAST, (text, ground)


@pytest.mark.parametrize("name", COLOURED)
def test_faint_text_has_a_colour_of_the_ramp_that_can_be_read(name: str) -> None:
    look = LOOKS[name]
    for ground in grounds_of(look):
        on = Color.parse(ground)
        for text in texts_of(look):
            whole = Style(color=Color.parse(text).rich_color, dim=True, bold=True)
            [drawn] = FaintFilter().apply([Segment("x", whole)], on)
            assert not drawn.style.dim
            assert drawn.style.bold
            assert drawn.style.color.triplet in XTERM_256.colors.values()
            assert contrast(drawn.style.color.triplet, on.rgb) >= CONTRAST, (text, ground)
    [drawn] = FaintFilter().apply([Segment("x", Style(dim=True, color="red"))], Color.parse("#121212"))
    assert drawn.style.dim, "colours of the terminal are not known here"


@pytest.mark.parametrize("theme", ["dark", "ansi"])
async def test_faint_output_is_faint_on_the_screen(monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    monkeypatch.setenv("TASKDECK_THEME", theme)
    monkeypatch.setenv("COLORTERM", "truecolor")
    control = FakeControl()
    task = control.add_task(control.add_job("nightly"), "load")
    control.outputs[task] = b"loud \x1b[2mquiet\x1b[0m loud\n"
    async with console(control, at="3") as operator:
        await operator.press("l")
        await operator.sees("loud quiet loud")
        # What they made of a line is kept with them.
        assert operator.app.get_line_filters() == operator.app.get_line_filters()
        strips = operator.app.screen._compositor.render_strips()
        parts = {one.text.strip(): one.style for strip in strips for one in strip if one.style}
        loud, quiet = parts["loud"], parts["quiet"]
        if theme == "ansi":
            assert quiet.dim
        else:
            assert not quiet.dim
            assert quiet.color.triplet in XTERM_256.colors.values()
            assert quiet.color != loud.color


def test_dark_greys_stay_greys_and_colours_of_the_terminal_are_left_alone() -> None:
    # Rich makes teal of this one.
    nord = Style(color="#d8dee9", bgcolor="#2e3440")
    plain = Style(color="red")
    drawn = DepthFilter(XTERM_256).apply([Segment("x", nord), Segment("y", plain)], Color.parse("#2e3440"))
    red, green, blue = XTERM_256.colors[drawn[0].style.bgcolor.number]
    assert red == green == blue
    assert drawn[1].style.color == plain.color


@pytest.mark.parametrize(
    ("old", "new", "place", "kind"),
    [
        ('primary = "#5fafff"', 'primry = "#5fafff"', "mine.toml:5", "theme.key"),
        ('primary = "#5fafff"', 'primary = "blurple"', "mine.toml:5", "theme.value"),
        ('primary = "#5fafff"', "primary = 7", "mine.toml:5", "theme.value"),
        ("failed = {", "faild = {", "mine.toml:29", "theme.key"),
        ('glyph = "✗"', 'glyph = "XX"', "mine.toml:29", "theme.value"),
        ('glyph = "✗"', 'sign = "x"', "mine.toml:29", "theme.value"),
        ('failed = {color = "#ff8787"', 'failed = {color = "#331111"', "mine.toml:29", "theme.contrast"),
        ('name = "dark"', "name = ", "line 1", "theme.syntax"),
        ('background = "#121212"', "", "mine.toml:1", "theme.missing"),
        ('muted = "#a8a8a8"', "", "mine.toml:1", "theme.missing"),
        ('rule = "#4e4e4e"', 'rule = "faint"', "mine.toml:18", "theme.value"),
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
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm", "TASKDECK_THEME": "light"}, "light"),
        ({"TERM": "xterm-256color", "TASKDECK_THEME": "none such"}, "dark"),
        ({"TERM": "xterm", "TASKDECK_THEME": "nord"}, "nord"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm"}, PLAIN),
        ({"TERM": "screen"}, PLAIN),
        ({"TERM": "xterm", "TASKDECK_THEME": "light", "NO_COLOR": ""}, PLAIN),
        ({"TERM": "linux"}, PLAIN),
    ],
)
def test_the_theme_to_begin_with_fits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert first_theme(LOOKS, environ) == name


def test_a_theme_that_does_not_exist_is_named_beside_those_that_do() -> None:
    said = unknown_theme(LOOKS, {"TASKDECK_THEME": "no\x1bsuch"})
    assert said.startswith("'no␛such' is not a theme; there are: ")
    assert "high-contrast" in said
    assert unknown_theme(LOOKS, {"TASKDECK_THEME": "light"}) == unknown_theme(LOOKS, {}) == ""
