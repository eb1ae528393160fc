"""File formats of exports: file name, format and cells.

Used by the export and by list screens.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from core.model.errors import Invalid
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form, cell

# Spreadsheets take these for the start of a formula. Source: OWASP, CSV Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Format(StrEnum):
    """How a file is written; the value is its ending."""

    JSONL = ".jsonl"
    """One object a line, as the command line prints with `--json`."""
    CSV = ".csv"
    """The chosen columns under their names."""
    TXT = ".txt"
    """As on the screen."""
    LOG = ".log"
    """An output, byte by byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The file to write."""

    path: Path
    format: Format


def suggested(name: str, at: datetime, ending: Format = Format.JSONL) -> str:
    """Return a name to offer."""
    return f"taskdeck-{name}-{at:%Y%m%d-%H%M%S}{ending}"


def destination(
    text: str, folder: Path, formats: Sequence[Format] = (Format.JSONL, Format.CSV)
) -> Destination:
    """Return the file that a text names, relative to a folder; raise `Invalid` (`export.path`)."""
    try:
        path = folder / Path(text.strip()).expanduser()
    except RuntimeError as error:
        raise Invalid("export.path", "no user has that name", hint="name a path without ~") from error
    format_ = next((known for known in formats if path.name.lower().endswith(known)), None)
    if format_ is None or path.name.lower() == format_:
        raise Invalid(
            "export.path",
            f"a name ends in {endings_text(formats)}",
            hint="add the ending",
            facts={"name": path.name},
        )
    return Destination(path=path, format=format_)


def endings_text(formats: Sequence[Format]) -> str:
    """Return endings as a sentence has them."""
    *others, last = formats
    return f"{', '.join(others)} or {last}" if others else str(last)


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Write rows of cells as CSV, none of them a formula."""
    page = io.StringIO()
    csv.writer(page).writerows([inert(text) for text in row] for row in rows)
    return page.getvalue()


def inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def heading_of(column: Column) -> str:
    """Return the name of a column in a file: by its content where the screen shows something else."""
    if column.form is Form.SPAN:
        return f"{column.name}_seconds"
    return column.path if _is_moment(column) else column.name


def cell_of(column: Column, view: object) -> SafeText:
    """Write a cell for programs: a moment as it is, not its age; a duration in seconds, once known."""
    if column.form is Form.SPAN:
        return _seconds(getattr(view, column.path), getattr(view, column.other))
    if column.form is Form.RATIO:
        # Spreadsheets take 1/2 for a date.
        return safe_line(f"{getattr(view, column.path)} of {getattr(view, column.other)}")
    plain = replace(column, form=Form.TIME) if _is_moment(column) else column
    return cell(plain, view, now=0)


def _is_moment(column: Column) -> bool:
    return column.path == "at" or column.path.endswith("_at")


def _seconds(begin: object, end: object) -> SafeText:
    if not isinstance(begin, int) or not isinstance(end, int):
        return SafeText("")
    return SafeText(f"{(end - begin) / 1000:.3f}")
