"""Merging of included files: the later of two wins.

Called by the includes, which find the files and their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from core.model.errors import Fault, InvalidDocument
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.values import JsonObject, JsonValue
from core.workflows.included_paths import move_paths, moved
from core.workflows.loader import Loaded
from core.workflows.positions import DocumentPath, Position, Positions, Step, write_path
from core.workflows.written import Texts

INCLUDE = "include"
_BY_NAME = ("params", "variables", "outputs", "env")
_LISTS = ("stages", "tasks", "finally")
_ENV_FILE = "env_file"
_DEFAULTS = "defaults"
ALLOWED = (INCLUDE, "description", *_BY_NAME, _ENV_FILE, _DEFAULTS, *_LISTS)
"""What an included file may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the files, which is a mapping."""

    loaded: Loaded
    value: JsonObject
    folder: PurePath = field(default_factory=PurePath)
    """From the folder of the document to that of this file."""
    is_root: bool = False
    """It is the document itself."""

    def fault_at(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at a value of this file."""
        return replace(self.loaded.positions.fault_at(path, code, message), file=self.file)

    def fault_at_key(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at a key of this file."""
        return replace(self.loaded.positions.fault_at_key(path, code, message), file=self.file)

    def holder_of(self, path: DocumentPath) -> JsonValue:
        """Return the mapping or list of this file that has the item at a path."""
        holder: JsonValue = self.value
        for step in path[:-1]:
            holder = holder[step]  # type: ignore[index] # a step of it
        return holder

    @property
    def file(self) -> str:
        """What faults call the file; '' = the document itself."""
        return "" if self.is_root else self.loaded.source

    def place_of(self, path: DocumentPath) -> str:
        """Return a place as a sentence names it."""
        at = self.loaded.positions.of_key(path)
        return self.loaded.source if at is None else f"{self.loaded.source}, line {at.line}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value of the whole comes from."""

    part: Part
    path: DocumentPath


class MergedPositions(Positions):
    """Positions in several files, by the places of the whole that were taken from each."""

    def __init__(self, origins: dict[DocumentPath, Origin]) -> None:
        super().__init__()
        self._origins = origins

    def of_key(self, path: Sequence[Step]) -> Position | None:
        """Return where a key begins in the file that it comes from."""
        origin = self.origin(path)
        return origin.part.loaded.positions.of_key(origin.path)

    def of_value(self, path: Sequence[Step]) -> Position | None:
        """Return where a value begins in the file that it comes from."""
        origin = self.origin(path)
        return origin.part.loaded.positions.of_value(origin.path)

    def fault_at(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at the value of a path, with the file that it comes from."""
        origin = self.origin(path)
        return replace(origin.part.fault_at(origin.path, code, message), path=write_path(path))

    def fault_at_key(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at the key of a path, with the file that it comes from."""
        origin = self.origin(path)
        return replace(origin.part.fault_at_key(origin.path, code, message), path=write_path(path))

    def origin(self, path: Sequence[Step]) -> Origin:
        """Return where a value of the whole was taken from: that of the nearest value above it."""
        for length in range(len(path), -1, -1):
            found = self._origins.get(tuple(path[:length]))
            if found is not None:
                return Origin(found.part, (*found.path, *path[length:]))
        raise KeyError(path)


@dataclass(slots=True)
class Merging:
    """The whole as far as files were added; `faults` has what cannot be merged."""

    value: JsonObject = field(default_factory=dict)
    origins: dict[DocumentPath, Origin] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _names: dict[tuple[str, str], Origin] = field(default_factory=dict)
    """The first task of each key, and the first stage of each name."""

    def add(self, part: Part) -> None:
        """Add a file, whose words win over those of the files before."""
        self.texts.update(part.loaded.texts)
        if part.loaded.null:
            self._spell_nulls(part)
        if part.is_root:
            self.origins[()] = Origin(part, ())
        for name, value in part.value.items():
            if name == INCLUDE or (name == "description" and not part.is_root):
                continue
            if not part.is_root and name not in ALLOWED:
                message = f"`{name}` is not for a file that is included{one_of(name, ALLOWED)}"
                self.faults.append(part.fault_at_key((name,), "include.field", message))
            elif name in (*_BY_NAME, _DEFAULTS):
                self._by_name(part, (name,), value)
            elif name in _LISTS:
                self._list(part, name, value)
            elif name == _ENV_FILE:
                self._files(part, (name,), value)
            else:
                self._put(part, (name,), value)

    def _spell_nulls(self, part: Part) -> None:
        """Keep how nulls are written in a file of JSON: in YAML they would be nothing at all."""
        pending: list[JsonValue] = [part.value]
        while pending:
            holder = pending.pop()
            pairs = [*holder.items()] if isinstance(holder, dict) else [*enumerate(_listed(holder))]
            for step, item in pairs:
                if isinstance(item, dict | list):
                    pending.append(item)
                elif item is None:
                    self.texts.setdefault(id(holder), {})[step] = part.loaded.null

    def _put(self, part: Part, path: DocumentPath, value: JsonValue) -> None:
        holder = self.value
        for step in path[:-1]:
            holder = _mapping(holder[str(step)])
        holder[str(path[-1])] = value
        self.origins[path] = Origin(part, path)
        texts = self.texts.setdefault(id(holder), {})
        texts.pop(path[-1], None)
        written = self.texts.get(id(part.holder_of(path)), {}).get(path[-1])
        if written is not None:
            texts[path[-1]] = written

    def _by_name(self, part: Part, path: DocumentPath, value: JsonValue) -> None:
        if not isinstance(value, dict):
            self._misshapen(part, path, "a mapping")
            return
        self._begin(part, path, {})
        for name, item in value.items():
            if path == (_DEFAULTS,) and name == "env":
                self._by_name(part, (*path, name), item)
            elif path == (_DEFAULTS,) and name == _ENV_FILE:
                self._files(part, (*path, name), item)
            else:
                self._put(part, (*path, name), item)

    def _begin(self, part: Part, path: DocumentPath, empty: JsonValue) -> JsonValue:
        """Return what is at a path of the whole; nothing yet is `empty`."""
        holder = self.value
        for step in path[:-1]:
            holder = _mapping(holder[str(step)])
        if path[-1] not in holder:
            holder[str(path[-1])] = empty
            self.origins[path] = Origin(part, path)
        return holder[str(path[-1])]

    def _list(self, part: Part, name: str, value: JsonValue) -> None:
        if not isinstance(value, list):
            self._misshapen(part, (name,), "a list")
            return
        other = {"stages": "tasks", "tasks": "stages"}.get(name)
        if other in self.value and self.origins[(other,)].part is not part:
            before = self.origins[(other,)].part.place_of((other,))
            message = f"`{name}` do not go with the `{other}` of {before}: use one of them in all files"
            self.faults.append(part.fault_at_key((name,), "include.mixed", message))
            return
        items = self._begin(part, (name,), [])
        for index, item in enumerate(value):
            self._name_once(part, (name, index), item, noun="stage" if name == "stages" else "task")
            self.origins[(name, len(_listed(items)))] = Origin(part, (name, index))
            _listed(items).append(item)

    def _name_once(self, part: Part, path: DocumentPath, item: JsonValue, *, noun: str) -> None:
        """Refuse a stage or task of a name that another file has."""
        if not isinstance(item, dict):
            return
        step = "name" if noun == "stage" else "key"
        name = item.get(step)
        first = self._names.setdefault((noun, str(name)), Origin(part, path))
        if isinstance(name, str) and first.part is not part:
            other = first.part.place_of(first.path)
            message = f"the {noun} `{safe_line(name)}` is in {other} too: rename one of them"
            self.faults.append(part.fault_at((*path, step), "include.twice", message))
        if noun == "stage":
            for index, task in enumerate(_listed(item.get("tasks"))):
                self._name_once(part, (*path, "tasks", index), task, noun="task")

    def _files(self, part: Part, path: DocumentPath, value: JsonValue) -> None:
        """Add files of variables to those of the files before, which they win over."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list):
            self._misshapen(part, path, "a path, or a list of paths")
            return
        items = _listed(self._begin(part, path, []))
        for index, name in enumerate(names):
            self.origins[(*path, len(items))] = Origin(part, path if names is not value else (*path, index))
            items.append(moved(name, part.folder) if isinstance(name, str) else name)

    def _misshapen(self, part: Part, path: DocumentPath, shape: str) -> None:
        self.faults.append(part.fault_at(path, "document.value", f"`{path[-1]}` must be {shape}"))


def merge(parts: Sequence[Part]) -> Loaded:
    """Return the whole of the files, of which the last is the document; raise `InvalidDocument`."""
    root, merging = parts[-1], Merging()
    for part in parts:
        merging.add(part)
    if merging.faults:
        raise InvalidDocument(root.loaded.source, merging.faults)
    move_paths(merging.value, lambda path: merging.origins[path].part.folder, merging.texts)
    ordered = {name: merging.value[name] for name in root.value if name in merging.value}
    return Loaded(
        value={**ordered, **merging.value},
        positions=MergedPositions(merging.origins),
        source=root.loaded.source,
        texts=merging.texts,
    )


def _mapping(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
