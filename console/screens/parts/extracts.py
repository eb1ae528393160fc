"""Extracts of what screens show: lists, tables, texts, outputs.

Made by the base of screens, the list screen and the log screen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from console.exports.export import ROWS, ExportedRows
from console.exports.extract import Extract, Piece, lines_words, rows_words
from console.exports.file_formats import Format, csv_text, heading_of
from console.exports.text_table import TextTable
from console.rows.copies import ShownTexts
from console.rows.listing import Listing
from console.rows.pages import Read
from console.widgets.table import Table
from core.control.api import ControlAPI
from core.model.log_views import LogFacts
from core.model.records import as_dict, names_of
from core.model.text import SafeText
from core.model.values import json_line
from core.model.views import LogStream
from core.render.columns import Column
from core.render.json_shapes import shape_of
from core.render.sizes import size_text

V = TypeVar("V")
_CHUNK = 1_048_576
_OF_ROWS = (Format.JSONL, Format.CSV, Format.TXT)
_OF_TEXT = (Format.TXT, Format.JSONL)


def list_extract(
    listing: Listing[V], table: Table[V], selection: ExportedRows, *, cell: Callable[[V, Column], SafeText]
) -> Extract:
    """Return all rows of a list, in memory or not; `cell` = what a column says of a row in a file."""
    text = TextTable(_shown(table), table.row_format.write)
    columns = _shown(table)

    def is_wanted(row: V) -> bool:
        is_left_out = listing.key(row) in selection.without
        return not is_left_out and shape_of(listing.view(row)) is not None

    def written(format_: Format, rows: Sequence[V], *, is_first: bool) -> bytes:
        if format_ is Format.JSONL:
            return _json(map(listing.view, rows)).encode()
        if format_ is Format.TXT:
            return text.page(rows).encode()
        head = csv_text([list(map(heading_of, columns))]) if is_first else ""
        return (head + csv_text([cell(row, column) for column in columns] for row in rows)).encode()

    async def read(format_: Format, after: str | None) -> Piece:
        page = await listing.read(selection.where, after, ROWS)
        rows = [row for row in page.rows if is_wanted(row)]
        return Piece(
            data=partial(written, format_, rows, is_first=after is None),
            number=len(rows),
            next=page.next,
            searched=page.searched,
        )

    return Extract(
        label=selection.label, name=str(listing.noun), formats=_OF_ROWS, read=read, counted=rows_words
    )


def table_extract(name: str, table: Table[V]) -> Extract:
    """Return the rows of a table that holds all of them, with the texts that are shown."""
    rows, columns = [row for _, row in sorted(table.rows.items())], _shown(table)
    write = table.row_format.write

    def written(format_: Format) -> bytes:
        if format_ is Format.JSONL:
            return _json(rows).encode()
        if format_ is Format.TXT:
            return TextTable(columns, write).page(rows).encode()
        # Titles may be drawn, such as the axis of a timeline: names are for programs.
        head = [column.name for column in columns]
        return csv_text([head, *(write(row, columns) for row in rows)]).encode()

    async def read(format_: Format, _: str | None) -> Piece:
        return Piece(data=partial(written, format_), number=len(rows))

    return Extract(label=f"the rows of {name}", name=name, formats=_OF_ROWS, read=read, counted=rows_words)


def pages_extract(name: str, table: Table[V], read_page: Read[V]) -> Extract:
    """Return the rows of a table that is read in pages, in memory or not, with the texts that are shown."""
    columns, write = _shown(table), table.row_format.write
    text = TextTable(columns, write)

    def written(format_: Format, rows: Sequence[V], *, is_first: bool) -> bytes:
        if format_ is Format.JSONL:
            return _json(rows).encode()
        if format_ is Format.TXT:
            return text.page(rows).encode()
        head = csv_text([[column.name for column in columns]]) if is_first else ""
        return (head + csv_text(write(row, columns) for row in rows)).encode()

    async def read(format_: Format, after: str | None) -> Piece:
        page = await read_page(after, ROWS)
        data = partial(written, format_, page.rows, is_first=after is None)
        return Piece(data=data, number=len(page.rows), next=page.next)

    return Extract(label=f"all {name}", name=name, formats=_OF_ROWS, read=read, counted=rows_words)


def table_texts(table: Table[V]) -> ShownTexts:
    """Return the row under the cursor and all rows in memory, with the columns that are shown."""
    columns, row = _shown(table), table.selected
    rows = [view for _, view in sorted(table.rows.items())]
    return ShownTexts(
        row="" if row is None else "\t".join(table.row_format.write(row, columns)).rstrip(),
        whole=TextTable(columns, table.row_format.write).page(rows) if rows else "",
    )


def text_extract(name: str, lines: Sequence[SafeText], *, views: Sequence[object]) -> Extract:
    """Return a text, and for JSON the views that it was made from, or its lines."""

    def written(format_: Format) -> bytes:
        if format_ is Format.JSONL:
            known = [view for view in views if names_of(view)]
            return (_json(known) or "".join(json_line({"line": line}) for line in lines)).encode()
        return "".join(f"{line}\n" for line in lines).encode()

    async def read(format_: Format, _: str | None) -> Piece:
        return Piece(data=partial(written, format_), number=len(lines))

    return Extract(label=f"the text of {name}", name=name, formats=_OF_TEXT, read=read, counted=lines_words)


def _shown(table: Table[V]) -> tuple[Column, ...]:
    """Return the columns of a table but those that the operator hid, whether there is room or not."""
    return tuple(column for column in table.all_columns if column.name not in table.hidden)


def _json(views: Iterable[object]) -> str:
    return "".join(_json_of(view) for view in views)


def _json_of(view: object) -> str:
    shape = shape_of(view)
    if shape is not None:
        return json_line(shape)
    return f"{json.dumps(as_dict(view), default=str)}\n" if names_of(view) else ""


def output_extract(
    control: ControlAPI, task_id: int, facts: LogFacts, *, stream: LogStream, name: str
) -> Extract:
    """Return what was written by now, in chunks; what was dropped over the limit is left out."""

    async def read(_: Format, after: str | None) -> Piece:
        chunk = await control.logs.chunk(
            task_id, epoch=facts.epoch, offset=int(after or 0), limit=_CHUNK, stream=stream
        )
        data, end = chunk.data, chunk.end
        is_last = end >= facts.size or end <= int(after or 0)
        return Piece(data=lambda: data, number=len(data), next=None if is_last else str(end))

    return Extract(
        label=f"the output of task {task_id}",
        name=name,
        formats=(Format.LOG, Format.TXT),
        read=read,
        counted=size_text,
    )
