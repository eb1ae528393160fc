"""Includes of a document: files that are read and merged.

Called wherever a document is read from a file, before anything else looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from core.files.reading import read_document
from core.model.bounds import PATH_MAX
from core.model.errors import Fault, InvalidDocument, NotFound, TaskdeckError
from core.model.expressions import OPENING
from core.model.text import safe_line
from core.model.values import JsonValue
from core.workflows.limits import LIMITS, Limits
from core.workflows.loader import Loaded, load
from core.workflows.merging import INCLUDE, Part, merge
from core.workflows.positions import DocumentPath

FILES_MAX = 50
"""Files that a document may include, directly or not."""
DEPTH_MAX = 8
"""Files that include each other in a row, the document not counted."""
_LAST = ("include.files", "include.size", "include.nodes")
"""What ends the reading: all further files would be read in vain."""


def read_whole(path: Path, *, limits: Limits = LIMITS) -> Loaded:
    """Read a document file and what it includes; raise what `read` and `make_whole` raise."""
    data = read_document(path, limit=limits.size)
    loaded = load(data, source=str(path), limits=limits)
    return make_whole(loaded, folder=path.parent, own=path, size=len(data), limits=limits)


def make_whole(
    loaded: Loaded, *, folder: Path, own: Path | None = None, size: int = 0, limits: Limits = LIMITS
) -> Loaded:
    """Return a document with what it includes, as one; it has `size` bytes, paths begin in the `folder`.

    `own` is its file, where it is one; a document that includes nothing is returned as it is.

    Raises `InvalidDocument` for what is missing, cannot be read or cannot be merged, and for circles.
    """
    if not isinstance(loaded.value, dict) or INCLUDE not in loaded.value:
        return loaded
    root = Part(loaded=loaded, value=loaded.value, is_root=True)
    reading = _Reading(source=loaded.source, folder=folder, limits=limits, size=size)
    reading.count(loaded)
    first = _Step(real=str(own.resolve()) if own else "", shown=safe_line(loaded.source))
    reading.follow(root, chain=(first,))
    if reading.faults:
        raise InvalidDocument(loaded.source, reading.faults)
    return merge([*reading.parts, root])


@dataclass(frozen=True, slots=True)
class _Step:
    """A file on the way to the one that is read."""

    real: str
    shown: str


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What was read so far: each file once, those that a file includes before it."""

    source: str
    folder: Path
    limits: Limits
    size: int
    """Bytes."""
    nodes: int = 0
    length: int = 0
    """Characters, with what aliases stand for."""
    parts: list[Part] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def follow(self, part: Part, *, chain: tuple[_Step, ...]) -> None:
        """Read what a file includes, and what that includes."""
        for path, name in self._names(part):
            try:
                self._take(part, name, chain=chain)
            except _Refused as refused:
                self.faults.append(part.fault_at(path, refused.code, str(refused)))
                if refused.code in _LAST:
                    raise InvalidDocument(self.source, self.faults) from refused

    def _names(self, part: Part) -> Iterator[tuple[DocumentPath, str]]:
        said = part.value.get(INCLUDE, [])
        several = said if isinstance(said, list) else [said]
        for index, name in enumerate(several):
            path: DocumentPath = (INCLUDE, index) if several is said else (INCLUDE,)
            reason = _name_fault(name)
            if reason:
                self.faults.append(part.fault_at(path, "include.name", reason))
            else:
                yield path, str(name)

    def _take(self, part: Part, name: str, *, chain: tuple[_Step, ...]) -> None:
        below = part.folder / name
        path = self.folder / below
        try:
            real = str(path.resolve())
        except (OSError, RuntimeError, ValueError) as error:
            raise _Refused("include.unreadable", f"cannot read {safe_line(name)}: {error}") from error
        step = _Step(real=real, shown=safe_line(name))
        circle = [one.real for one in chain]
        if real in circle:
            shown = " -> ".join(one.shown for one in (*chain[circle.index(real) :], step))
            raise _Refused("include.circle", f"files include each other in a circle: {shown}")
        if real in self.seen:
            return
        if len(chain) > DEPTH_MAX:
            shown = " -> ".join(one.shown for one in (*chain, step))
            raise _Refused("include.depth", f"at most {DEPTH_MAX} files include each other in a row: {shown}")
        if len(self.seen) >= FILES_MAX:
            raise _Refused("include.files", f"a document includes at most {FILES_MAX} files")
        self.seen.add(real)
        loaded = self._load(path)
        if loaded is None:
            return
        if not isinstance(loaded.value, dict):
            message = f"{safe_line(name)} has no fields: an included file is a mapping as a document is"
            raise _Refused("include.shape", message)
        found = Part(loaded=loaded, value=loaded.value, folder=PurePath(below).parent)
        self.follow(found, chain=(*chain, step))
        self.parts.append(found)

    def _load(self, path: Path) -> Loaded | None:
        """Read a file within what is left of the limits of a document; None = its faults are noted."""
        shown = safe_line(str(path))
        try:
            data = read_document(path, limit=self.limits.size)
        except InvalidDocument as error:
            raise _Refused("include.size", f"{shown} has {error.faults[0].message}") from error
        except TaskdeckError as error:
            if isinstance(error, NotFound):
                message = f"{error.message}: paths begin in the folder of the file that includes"
                raise _Refused("include.not_found", message) from error
            raise _Refused("include.unreadable", f"{error.message}; {error.hint}") from error
        self.size += len(data)
        if self.size > self.limits.size:
            message = f"with {shown} the files have more than {self.limits.size:,} bytes"
            raise _Refused("include.size", message)
        left = Limits(
            size=max(0, self.limits.size - self.length),
            depth=self.limits.depth,
            nodes=max(0, self.limits.nodes - self.nodes),
        )
        try:
            loaded = load(data, source=shown, limits=left)
        except InvalidDocument as error:
            if any(fault.code == "document.nodes" for fault in error.faults):
                message = f"with {shown} the files have more than {self.limits.nodes:,} values"
                raise _Refused("include.nodes", message) from error
            if any(fault.code == "document.size" for fault in error.faults):
                most = f"{self.limits.size:,} characters"
                message = f"with {shown} the files have more than {most} once aliases are written out"
                raise _Refused("include.size", message) from error
            self.faults.extend(replace(fault, file=shown) for fault in error.faults)
            return None
        self.count(loaded)
        return loaded

    def count(self, loaded: Loaded) -> None:
        """Take what a file has from what the others may have."""
        nodes, length = _extent(loaded.value)
        self.nodes += nodes
        self.length += length


class _Refused(Exception):
    """A file cannot be included; `code` and text say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _name_fault(name: JsonValue) -> str:
    if not isinstance(name, str) or not name.strip():
        return "`include` is the path of a file, or a list of paths"
    if len(name) > PATH_MAX:
        return f"a path has at most {PATH_MAX} characters"
    if "://" in name:
        return f"{safe_line(name)[:100]} is an address: fetch it first, files alone are included"
    if OPENING in name:
        return "a path of `include` has no expressions: files are read before parameters are known"
    return ""


def _extent(value: JsonValue) -> tuple[int, int]:
    """Return how many values a document has, and how many characters its texts and keys."""
    nodes, length, level = 0, 0, [value]
    while level:
        nodes += len(level)
        below: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                length += sum(map(len, item))
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                length += len(item)
        level = below
    return nodes, length
