"""Our themes from `themes/*.toml`: read, checked, and the first chosen.

Used by the looks, the app, the screens and the rows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import TypeGuard

from textual.color import Color, ColorParseError
from textual.theme import Theme

from console.color_depth import CONTRAST, contrast
from core.model.errors import Invalid
from core.model.status import AttemptStatus, JobStatus, StageStatus, TaskStatus
from core.model.text import SafeText, cells, safe_line

STATUSES: tuple[str, ...] = tuple(
    dict.fromkeys(
        status.value for noun in (JobStatus, StageStatus, TaskStatus, AttemptStatus) for status in noun
    )
)
"""The statuses that every theme gives a colour and a glyph."""
PLAIN = "ansi"
"""The theme that leaves colours to the terminal."""
_DERIVED = {
    "text-disabled": "muted",
    "text-muted": "muted",
    "foreground-muted": "muted",
    "border": "accent",
    "border-blurred": "rule",
    "input-cursor-background": "foreground",
    "input-cursor-foreground": "background",
    "input-selection-background": "accent",
    "input-selection-foreground": "background",
    "screen-selection-background": "accent",
    "screen-selection-foreground": "background",
}
"""What Textual would mix from others, in a colour of the theme: a mixed one is on no ramp."""
OWN_COLORS = ("muted", "rule", "cursor")
"""What our style sheet asks of every theme, besides the colours that Textual knows."""
TEXT_STYLES = ("cursor-style", "head-style")
"""The text style of the row under the cursor and of the heads of tables, as variables of the theme."""

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
    muted: str
    """The colour of what is less important."""


def own_looks() -> dict[str, Look]:
    """Return the themes that are shipped, by name; raise `Invalid` (`theme.*`) for a faulty one."""
    return {look.theme.name: look for look in _shipped()}


@cache
def _shipped() -> tuple[Look, ...]:
    # A console of another deck begins with the same files.
    shipped = sorted(
        (entry for entry in files("themes").iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    return tuple(read_look(entry.read_text("utf-8"), entry.name) for entry in shipped)


def derived(colors: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that follow from the colours of a theme."""
    return {name: colors[source] for name, source in _DERIVED.items()}


def first_theme(names: Collection[str], environ: Mapping[str, str]) -> str:
    """Return the theme to begin with.

    Without colours `ansi`, else $TASKDECK_THEME; else `dark` where it looks as it should, and `ansi` where
    there are 16 colours or fewer.
    """
    if "NO_COLOR" in environ:
        return PLAIN
    wanted = environ.get("TASKDECK_THEME", "")
    if wanted in names:
        return wanted
    return "dark" if _shows_256(environ) else PLAIN


def unknown_theme(names: Collection[str], environ: Mapping[str, str]) -> SafeText:
    """Return that $TASKDECK_THEME names an unknown theme; '' = it does not."""
    wanted = environ.get("TASKDECK_THEME", "")
    if not wanted or wanted in names:
        return SafeText("")
    return safe_line(f"'{wanted}' is not a theme; there are: {', '.join(names)}")


def _shows_256(environ: Mapping[str, str]) -> bool:
    # As Rich decides it, which writes the colours.
    term = environ.get("TERM", "").lower()
    is_rich = environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit")
    return is_rich or term.rpartition("-")[2] in ("256color", "kitty") or term in ("", "dumb", "unknown")


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
    ansi = bool(table.get("ansi", False))
    variables = _variables(table.get("variables", {}), page)
    marks = _marks(table.get("status"), page, background="" if ansi else texts["background"])
    theme = Theme(
        dark=bool(table.get("dark", True)),
        ansi=ansi,
        variables=variables if ansi else derived(texts | variables) | variables,
        **texts,  # type: ignore[arg-type]
    )
    return Look(theme=theme, marks=marks, muted=variables["muted"])


def _variables(table: object, page: _Page) -> dict[str, str]:
    if not _are_texts(table):
        raise page.refuse("value", "variables", "is a table of texts")
    for key in (*OWN_COLORS, *TEXT_STYLES):
        if key not in table:
            raise page.refuse("missing", key, "is missing")
    for key in OWN_COLORS:
        page.check_color(key, table[key])
    return table


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
        page.check_contrast(status, value["color"], background)
    return Mark(color=value["color"], glyph=value["glyph"])


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

    def check_contrast(self, key: str, color: str, background: str) -> None:
        """Raise `Invalid` for a colour that cannot be read on a background."""
        ratio = contrast(Color.parse(color).rgb, Color.parse(background).rgb)
        if ratio < CONTRAST:
            raise self.refuse("contrast", key, f"has a contrast of {ratio:.1f}, needs {CONTRAST}")

    def check_color(self, key: str, value: str) -> None:
        """Raise `Invalid` for a value that is not a colour."""
        try:
            Color.parse(value)
        except ColorParseError as error:
            raise self.refuse("value", key, f"is not a colour: {safe_line(value)}") from error
