"""Colour themes from `themes/*.toml`: read, checked, and the first chosen.

Used by the desk, the app, the screens and the rows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import TypeGuard

from textual.color import Color, ColorParseError
from textual.theme import Theme

from core.model.errors import Invalid
from core.model.status import AttemptStatus, JobStatus, StageStatus, TaskStatus
from core.model.text import SafeText, cells, safe_line

STATUSES: tuple[str, ...] = tuple(
    dict.fromkeys(
        status.value for noun in (JobStatus, StageStatus, TaskStatus, AttemptStatus) for status in noun
    )
)
"""The statuses that every theme gives a colour and a glyph."""
CONTRAST = 4.5
"""Least contrast of text and background (WCAG 2.1, AA)."""
PLAIN = "ansi"
"""The theme that leaves colours to the terminal."""
NARROW_TERMS = ("linux", "vt100", "vt102", "vt220", "ansi", "cons25", "xterm-mono")
"""Terminals with fewer than 16 colours, or none."""

_TEXTS = frozenset(field.name for field in fields(Theme) if field.name not in ("dark", "ansi", "variables"))
_KNOWN = _TEXTS - {"luminosity_spread", "text_alpha"} | {"dark", "ansi", "variables", "status"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a status looks."""

    color: str
    glyph: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A theme of Textual and the marks of all statuses."""

    theme: Theme
    marks: Mapping[str, Mark]


def looks() -> dict[str, Look]:
    """Return the themes that are shipped, by name; raise `Invalid` (`theme.*`) for a faulty one."""
    shipped = sorted(
        (entry for entry in files("themes").iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    read = [read_look(entry.read_text("utf-8"), entry.name) for entry in shipped]
    return {look.theme.name: look for look in read}


def first_theme(names: Mapping[str, Look], environ: Mapping[str, str]) -> str:
    """Return the theme to begin with: `ansi` without colours, else $TASKDECK_THEME, else `dark`."""
    if "NO_COLOR" in environ or environ.get("TERM", "") in NARROW_TERMS:
        return PLAIN
    wanted = environ.get("TASKDECK_THEME", "dark")
    return wanted if wanted in names else "dark"


def unknown_theme(names: Mapping[str, Look], environ: Mapping[str, str]) -> SafeText:
    """Return that $TASKDECK_THEME names an unknown theme; '' = it does not."""
    wanted = environ.get("TASKDECK_THEME", "")
    if not wanted or wanted in names:
        return SafeText("")
    return safe_line(f"'{wanted}' is not a theme; there are: {', '.join(names)}")


def read_look(text: str, source: str) -> Look:
    """Read a theme; raise `Invalid` (`theme.*`) that names file and line of its first fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            "theme.syntax",
            f"{source}: {safe_line(str(error))}",
            hint="fix the file",
            facts={"file": str(source), "reason": str(error)},
        ) from error
    page = _Page(source=source, text=text)
    for key in table:
        if key not in _KNOWN:
            raise page.refuse("key", key, "is not a key of a theme")
    for key in ("name", "primary", "background", "foreground"):
        if key not in table:
            raise page.refuse("missing", key, "is missing")
    texts = {key: page.text_of(key, value) for key, value in table.items() if key in _TEXTS}
    for key, value in texts.items():
        if key != "name":
            page.check_color(key, value)
    variables = table.get("variables", {})
    if not _are_texts(variables):
        raise page.refuse("value", "variables", "is a table of texts")
    ansi = bool(table.get("ansi", False))
    marks = _marks(table.get("status"), page, background="" if ansi else texts["background"])
    theme = Theme(dark=bool(table.get("dark", True)), ansi=ansi, variables=variables, **texts)  # type: ignore[arg-type]
    return Look(theme=theme, marks=marks)


def _marks(table: object, page: _Page, *, background: str) -> dict[str, Mark]:
    if not isinstance(table, dict):
        raise page.refuse("missing", "status", "is a table of statuses")
    for status in table:
        if status not in STATUSES:
            raise page.refuse("key", status, "is not a status")
    return {status: _mark(table.get(status), status, page=page, background=background) for status in STATUSES}


def _mark(value: object, status: str, *, page: _Page, background: str) -> Mark:
    if not _are_texts(value) or set(value) != {"color", "glyph"}:
        raise page.refuse("value", status, 'needs {color = "...", glyph = "..."}')
    page.check_color(status, value["color"])
    if cells(value["glyph"]) != 1 or safe_line(value["glyph"]) != value["glyph"]:
        raise page.refuse("value", status, "has a glyph that is not one cell wide")
    if background:
        ratio = contrast(Color.parse(value["color"]), Color.parse(background))
        if ratio < CONTRAST:
            raise page.refuse("contrast", status, f"has a contrast of {ratio:.1f}, needs {CONTRAST}")
    return Mark(color=value["color"], glyph=value["glyph"])


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1, relative luminance)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = (part / 255 for part in (color.r, color.g, color.b))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _are_texts(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A theme file, to say where a fault is."""

    source: str
    text: str

    def refuse(self, kind: str, key: str, why: str) -> Invalid:
        """Name file, line (from 1) and key."""
        word = re.compile(rf'\s*\[?"?{re.escape(key)}"?\s*[=\]]')
        lines = (number for number, line in enumerate(self.text.splitlines(), 1) if word.match(line))
        place = f"{self.source}:{next(lines, 1)}"
        return Invalid(
            f"theme.{kind}",
            f"{place}: '{safe_line(key)}' {why}",
            hint="fix the theme file",
            facts={"place": place, "key": key},
        )

    def text_of(self, key: str, value: object) -> str:
        """Return a value that must be a text."""
        if not isinstance(value, str):
            raise self.refuse("value", key, "is a text")
        return value

    def check_color(self, key: str, value: str) -> None:
        """Raise `Invalid` for a value that is not a colour."""
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise self.refuse("value", key, f"is not a colour: {safe_line(value)}") from error
