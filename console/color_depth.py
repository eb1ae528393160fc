"""Colours of terminals that show 256 or 16 of them.

Used by the app, the themes, and their tests.

Rich rounds each colour by itself: dark greys become navy or teal, and a text may come to stand on its own
colour. Here a text takes the nearest colour that keeps its contrast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeAlias

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

Rgb: TypeAlias = tuple[int, int, int]

CONTRAST = 4.5
"""Least contrast of text and background (WCAG 2.1, AA)."""
_LEVELS = (0, 95, 135, 175, 215, 255)
_CUBE_FIRST, _GREYS_FIRST = 16, 232


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Depth:
    """The colours that a terminal can show, by their number."""

    colors: Mapping[int, Rgb]

    def nearest(self, rgb: Rgb) -> int:
        """Return the number of the colour that looks most like this one."""
        return _by_distance(self, rgb)[0]

    def nearest_text(self, rgb: Rgb, *, on: Rgb, ground: int) -> int:
        """Return the number of the nearest colour that is read on a ground as well as this one on `on`.

        More contrast than `CONTRAST` is not asked for. `ground` = the number of the colour shown for `on`.
        """
        wanted = min(CONTRAST, contrast(rgb, on))
        numbers = _by_distance(self, rgb)
        readable = (one for one in numbers if contrast(self.colors[one], self.colors[ground]) >= wanted)
        return next(readable, numbers[0])


XTERM_256 = Depth(
    colors={
        number: (red, green, blue)
        for number, (red, green, blue) in enumerate(product(_LEVELS, repeat=3), _CUBE_FIRST)
    }
    | {_GREYS_FIRST + step: (grey, grey, grey) for step, grey in enumerate(range(8, 248, 10))}
)
"""The ramp of xterm without the first 16 colours, which every terminal shows as its owner likes."""
ANSI_16 = Depth(
    colors={
        number: (red, green, blue)
        for number, (blue, green, red) in enumerate(
            (*product((0, 170), repeat=3), *product((85, 255), repeat=3))
        )
    }
)
"""The first 16 colours as a PC shows them."""
_DEPTHS = {"256": XTERM_256, "standard": ANSI_16}


def depth_of(color_system: str | None) -> Depth | None:
    """Return the colours of one of Rich's systems of colours; None = it shows all, or none."""
    return _DEPTHS.get(color_system or "")


class DepthFilter(LineFilter):
    """Draws with the colours that the terminal has; colours of the terminal's own theme stay."""

    def __init__(self, depth: Depth) -> None:
        super().__init__()
        self._depth = depth

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in colours of the terminal."""
        ground = background.rgb
        return [
            Segment(text, None if style is None else _shown(style, self._depth, ground), control)
            for text, style, control in segments
        ]


class FaintFilter(LineFilter):
    """Draws faint text in a colour between it and its ground, where both are known.

    Terminals make half of a colour themselves, and Textual a mixture that may be hard to read.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without the attribute, in colours of the ramp."""
        ground = background.rgb
        return [
            Segment(text, _faint(style, ground) if style is not None and style.dim else style, control)
            for text, style, control in segments
        ]


class FilterChain(LineFilter):
    """Draws through several filters, and keeps a line once: after the last of them."""

    def __init__(self, filters: tuple[LineFilter, ...]) -> None:
        super().__init__()
        self.filters = filters

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments as the last filter leaves them."""
        for one in self.filters:
            segments = one.apply(segments, background)
        return segments


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@lru_cache(4_096)
def _shown(style: Style, depth: Depth, background: Rgb) -> Style:
    on = style.bgcolor.triplet if style.bgcolor is not None else None
    text = style.color.triplet if style.color is not None else None
    ground = depth.nearest(on or background)
    number = None if text is None else depth.nearest_text(text, on=on or background, ground=ground)
    return style + Style.from_color(
        None if number is None else RichColor.from_ansi(number),
        None if on is None else RichColor.from_ansi(ground),
    )


@lru_cache(4_096)
def _faint(style: Style, background: Rgb) -> Style:
    if style.color is None or style.color.triplet is None:
        return style
    text, on = style.color.triplet, style.bgcolor.triplet if style.bgcolor is not None else None
    return style + Style.from_color(RichColor.from_rgb(*_between(text, on or background))) + Style(dim=False)


def _between(text: Rgb, on: Rgb) -> Rgb:
    """Return the colour of the ramp half way from a text to its ground; its contrast stays, to `CONTRAST`."""
    wanted = min(CONTRAST, contrast(text, on))
    half = (text[0] + on[0]) // 2, (text[1] + on[1]) // 2, (text[2] + on[2]) // 2
    colors = (XTERM_256.colors[number] for number in _by_distance(XTERM_256, half))
    return next((color for color in colors if contrast(color, on) >= wanted), text)


@lru_cache(4_096)
def _by_distance(depth: Depth, rgb: Rgb) -> tuple[int, ...]:
    return tuple(sorted(depth.colors, key=lambda number: _distance(depth.colors[number], rgb)))


def _distance(one: Rgb, other: Rgb) -> float:
    # "Redmean" (T. Riemersma, Colour metric, 2001): close to how far apart people see them.
    red = (one[0] + other[0]) / 2
    dr, dg, db = (a - b for a, b in zip(one, other, strict=True))
    return (2 + red / 256) * dr * dr + 4 * dg * dg + (2 + (255 - red) / 256) * db * db


def _luminance(rgb: Rgb) -> float:
    parts = (part / 255 for part in rgb)
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
