"""Saved views: filters with a name, in `views.toml` of the data directory.

Read by the app at its start; used through the desk.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.files.reading import read_at_once
from core.files.writing import changing, write_file
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter
from core.filters.unparser import unparse
from core.model.errors import Conflict, Invalid, NotFound, Unavailable
from core.model.text import safe_line

FILE = "views.toml"
_BYTES_MAX = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A filter and the screen it was made on."""

    root: str
    noun: Noun
    filter: str

    def where(self) -> Filter:
        """Return the filter; raise `Invalid` (`filter.*`) for one that is not valid any more."""
        return parse(self.filter, self.noun)


class Views:
    """Reads the file at each use: several consoles may share it. Without a home they are in memory."""

    def __init__(self, home: Path | None) -> None:
        self._file = None if home is None else home / FILE
        self._in_memory: dict[str, View] = {}

    @property
    def place(self) -> str:
        """Where they are kept."""
        return "memory" if self._file is None else str(self._file)

    def all(self) -> dict[str, View]:
        """Return the views by name; raise `Invalid` (`views.*`) for a faulty file."""
        if self._file is None:
            return dict(self._in_memory)
        try:
            table = tomllib.loads(read_at_once(self._file, _BYTES_MAX).decode("utf-8-sig"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._faulty(str(error)) from error
        return {name: self._view(name, entry) for name, entry in table.items()}

    def get(self, name: str) -> View:
        """Return a view; raise `NotFound` (`views.unknown`)."""
        views = self.all()
        if name not in views:
            there = f"; there are: {' '.join(sorted(views))}" if views else "; none was saved yet"
            raise NotFound(
                "views.unknown", f"no view is called '{safe_line(name)}'{there}", facts={"view": name}
            )
        return views[name]

    def save(self, name: str, root: str, where: Filter) -> None:
        """Keep a filter under a name, also where another console saves at once.

        A view of the same name is replaced. Raises `Unavailable` (`views.write`).
        """
        view = View(root=root, noun=where.noun, filter=unparse(where))
        self._change(lambda views: {**views, name: view})

    def rename(self, name: str, to: str) -> None:
        """Give a view another name; raise `NotFound`, `Conflict` (`views.taken`), `Unavailable`."""
        self.get(name)

        def renamed(views: dict[str, View]) -> dict[str, View]:
            if to in views and to != name:
                raise Conflict(
                    "views.taken",
                    f"a view is called '{safe_line(to)}' already: delete it first, or choose another name",
                    facts={"view": to},
                )
            return {to if known == name else known: view for known, view in views.items()}

        self._change(renamed)

    def delete(self, name: str) -> View:
        """Delete a view and return it; raise `NotFound` or `Unavailable`."""
        view = self.get(name)
        self._change(lambda views: {known: other for known, other in views.items() if known != name})
        return view

    def _change(self, change: Callable[[dict[str, View]], dict[str, View]]) -> None:
        if self._file is None:
            self._in_memory = change(self._in_memory)
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with changing(self._file):
                write_file(self._file, _toml(change(self.all())).encode())
        except OSError as error:
            raise Unavailable(
                "views.write",
                f"cannot write {safe_line(str(self._file))}: {error.strerror}",
                facts={"file": str(self._file), "reason": error.strerror or ""},
            ) from error

    def _view(self, name: str, entry: object) -> View:
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            raise self._faulty(f"'{safe_line(name)}' is not a table of texts")
        try:
            return View(root=entry["root"], noun=Noun(entry["noun"]), filter=entry["filter"])
        except (KeyError, ValueError) as error:
            raise self._faulty(f"'{safe_line(name)}' needs root, noun and filter") from error

    def _faulty(self, why: str) -> Invalid:
        return Invalid(
            "views.file",
            safe_line(f"{self.place}: {why}"),
            hint="fix the file or remove it",
            facts={"place": self.place, "reason": why},
        )


def _toml(views: Mapping[str, View]) -> str:
    return "\n".join(f"[{json.dumps(name)}]\n{_lines(view)}" for name, view in sorted(views.items()))


def _lines(view: View) -> str:
    # JSON's texts are TOML's, as long as no character is written as two surrogates.
    values = {"root": view.root, "noun": view.noun.value, "filter": safe_line(view.filter)}
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
