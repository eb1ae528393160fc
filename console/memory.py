"""What an operator's console remembers of a home.

Made by the app; used through the desk.
"""

from __future__ import annotations

import json
from pathlib import Path

from core.files.operator_file import FOLDER, operator_file, own_name
from core.files.reading import read_at_once
from core.files.writing import changing, write_file
from core.model.decks import DeckName
from core.model.values import JsonObject, JsonValue

_LARGEST = 1_000_000
"""Bytes of a file that are read: a larger one is not ours."""


class Memory:
    """Values by name, in a file of the operator; without a home they last as long as the console.

    What cannot be read is as if it had never been kept, and what cannot be written is lost: no operator is
    stopped for want of a column's width.
    """

    def __init__(self, home: Path | None, *, operator: str = "", deck: DeckName | None = None) -> None:
        """Read the file; `deck` = that of a host, whose habits are kept here, apart from those of `home`."""
        of_host = () if deck is None or not deck.host else (deck.host, *filter(None, (deck.home,)))
        self.file = None if home is None else home / FOLDER / operator_file(operator or own_name(), *of_host)
        self._values: JsonObject = self._read()
        self._unwritten: JsonObject = {}

    def get(self, name: str) -> JsonValue:
        """Return a value; None = it was never kept. Check it: anyone can edit the file."""
        return self._values.get(name)

    def keep(self, name: str, value: JsonValue) -> None:
        """Keep a value until it is written."""
        if self._values.get(name) != value:
            self._values[name] = self._unwritten[name] = value

    @property
    def is_written(self) -> bool:
        """Whether nothing was kept since the last `write`."""
        return self.file is None or not self._unwritten

    def write(self) -> None:
        """Write what was kept; blocks. What other consoles of the operator kept stays."""
        new, self._unwritten = self._unwritten, {}
        if self.file is None or not new:
            return
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with changing(self.file):
                values = {**self._read(), **new}
                write_file(self.file, json.dumps(values, ensure_ascii=True, indent=1).encode())
        except OSError:
            return

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, () if something else was kept."""
        kept = self.get(name)
        return tuple(text for text in kept if isinstance(text, str)) if isinstance(kept, list) else ()

    def keep_first(self, name: str, text: str, *, most: int) -> None:
        """Put a text before the others of a list, each once."""
        texts: list[JsonValue] = [text, *(other for other in self.texts(name) if other != text)]
        self.keep(name, texts[:most])

    def _read(self) -> JsonObject:
        if self.file is None:
            return {}
        try:
            values = json.loads(read_at_once(self.file, _LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return values if isinstance(values, dict) else {}
