"""Looks: our own themes, and those people know with our statuses.

Made by the app, passed on by the desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from console.color_depth import CONTRAST, contrast
from console.themes import TEXT_STYLES, Look, derived, own_looks
from core.model.records import replace

_DARK, _LIGHT = "dark", "light"
_NOT_OFFERED = ("textual-", "ansi-")
"""Beginnings of the names of Textual's own looks: `dark`, `light` and `ansi` stand in their place."""
_STEPS = 20
_MUTED, _RULE = 0.3, 0.7
"""How much of the background is in what is less important, and in rules."""


class Looks(Mapping[str, Look]):
    """Ours by their files, the others by Textual's themes; one of those is made when it is first used."""

    def __init__(self) -> None:
        self._made = own_looks()
        self.own = tuple(self._made)
        """The names of our own."""
        known = (name for name in BUILTIN_THEMES if not name.startswith(_NOT_OFFERED))
        self._names = (*self.own, *sorted(known))

    def __getitem__(self, name: str) -> Look:
        """Return a look; raise KeyError."""
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            theme = BUILTIN_THEMES[name]
            self._made[name] = known_look(theme, self._made[_DARK if theme.dark else _LIGHT])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def known_look(theme: Theme, ours: Look) -> Look:
    """Return one of Textual's themes with our colours of statuses, each moved until it can be read there."""
    colors = theme.to_color_system().generate()
    ground, panel, text = (Color.parse(colors[name]) for name in ("background", "panel", "foreground"))
    text = _readable(text, (ground, panel))
    muted = _readable(text.blend(ground, _MUTED), (ground, panel))
    ours_style = {name: ours.theme.variables[name] for name in TEXT_STYLES}
    own = {
        "muted": muted.hex,
        "rule": text.blend(ground, _RULE).hex,
        "cursor": panel.hex,
        **ours_style,
    }
    base = {
        "accent": _readable(Color.parse(theme.primary), (ground, panel)).hex,
        "secondary": muted.hex,
        "foreground": text.hex,
        "background": ground.hex,
        "panel": panel.hex,
    }
    changed = replace(theme, **base, variables=dict(theme.variables) | derived(base | own) | own)
    marks = {
        status: replace(mark, color=_readable(Color.parse(mark.color), (ground, panel)).hex)
        for status, mark in ours.marks.items()
    }
    return Look(theme=changed, marks=marks, muted=muted.hex)


def _readable(color: Color, grounds: tuple[Color, ...]) -> Color:
    """Return a colour, moved towards white or black until it is read on all grounds."""
    end = Color(255, 255, 255) if grounds[0].brightness < 0.5 else Color(0, 0, 0)
    for step in range(_STEPS + 1):
        moved = color.blend(end, step / _STEPS)
        if all(contrast(moved.rgb, ground.rgb) >= CONTRAST for ground in grounds):
            return moved
    return end
