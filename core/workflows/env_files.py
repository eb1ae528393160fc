"""EnvFiles: variables from files that a document names.

Used by the expansion.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from core.files.reading import decode_document, read_document
from core.model.errors import Fault, Invalid, InvalidDocument, NotFound, TaskdeckError
from core.model.text import safe_line

ENV_FILE_BYTES = 65_536
"""Largest file of variables: reading one takes up to a second."""
FAULTS_MAX = 100
"""Faulty lines that are named."""
VALUE_MAX = 100_000
"""Characters of one value, as in `env`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True, kw_only=True)
class EnvFiles:
    """Reads each file once; relative names are looked for in the folder of the document.

    Without a `folder` only absolute names can be found. Raises `NotFound` or `Invalid` (`env_file.*`) for a
    file that is not there or cannot be read, `InvalidDocument` (`env_file.syntax`) with every faulty line.
    """

    folder: Path | None = None
    _read: dict[Path, dict[str, str]] = field(default_factory=dict)

    def variables(self, names: Iterable[str]) -> dict[str, str]:
        """Return the variables of files; on the same name the later file wins."""
        found: dict[str, str] = {}
        for name in names:
            path = self._path(name)
            if path not in self._read:
                self._read[path] = read_env_file(path)
            found.update(self._read[path])
        return found

    def _path(self, name: str) -> Path:
        if self.folder is None and not Path(name).is_absolute():
            raise Invalid(
                "env_file.folder",
                f"`env_file: {safe_line(name)}` is relative, and the document is not a file in a folder",
                hint="name it by its absolute path, or name a directory for the tasks",
                facts={"file": name},
            )
        return (self.folder or Path()) / name


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a file in the form of dotenv; raise as `EnvFiles` says."""
    shown = safe_line(str(path))
    try:
        text = decode_document(read_document(path, limit=ENV_FILE_BYTES), name=shown)
    except NotFound as error:
        raise NotFound(
            "env_file.not_found", f"`env_file`: {error.message}", hint=error.hint, facts=error.facts
        ) from error
    except InvalidDocument:
        # It names file and position.
        raise
    except TaskdeckError as error:
        raise Invalid(
            "env_file.unreadable", f"`env_file`: {error.message}", hint=error.hint, facts=error.facts
        ) from error
    variables: dict[str, str] = {}
    faults: list[Fault] = []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _blank_lines(binding.original.string)
        reason = _fault(binding.key, binding.value, is_broken=binding.error)
        if reason:
            faults.append(Fault(code="env_file.syntax", message=reason, line=line, column=1))
        elif binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
    if faults:
        raise InvalidDocument(shown, faults[:FAULTS_MAX])
    return variables


def _blank_lines(text: str) -> int:
    """Return how many empty lines stand before a binding, which the parser counts to it."""
    return text[: len(text) - len(text.lstrip())].count("\n") if text.strip() else 0


def _fault(name: str | None, value: str | None, *, is_broken: bool) -> str:
    if is_broken:
        return "this is not NAME=VALUE"
    if name is None:
        return ""
    if not _NAME.fullmatch(name):
        return f"`{safe_line(name)[:60]}` is not a name: letters, digits and _, no digit first"
    if value is None:
        return f"`{name}` has no value: write {name}= for an empty one"
    if len(value) > VALUE_MAX:
        return f"the value of `{name}` has {len(value):,} characters, at most {VALUE_MAX:,} go"
    return f"`{name}` has a NUL in its value" if "\0" in value else ""
