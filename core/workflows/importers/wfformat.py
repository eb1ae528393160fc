"""Import of WfFormat 1.5: recorded executions of scientific workflows.

The tasks of the workflow wait as long as the recorded ones ran. Called by the command `import`.

Source: https://github.com/wfcommons/WfFormat, schema version 1.5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.model.errors import Fault, Invalid, InvalidDocument
from core.model.near_misses import did_you_mean
from core.model.values import JsonObject, JsonValue
from core.workflows.graph import cycles
from core.workflows.limits import Limits
from core.workflows.loader import Loaded, read
from core.workflows.positions import DocumentPath, Positions

VERSION = "1.5"
LIMITS = Limits(size=64 * 1024 * 1024, nodes=2_000_000)
"""Records name every file of every task; they are larger than workflows."""
_SPECIFIED = ("workflow", "specification", "tasks")
_EXECUTED = ("workflow", "execution", "tasks")
_KEY_MAX = 180
_NAME_MAX = 200
_OTHER = re.compile(r"[^a-z0-9_]")


class Through(StrEnum):
    """What a recorded task becomes."""

    DELAY = "delay"
    """A wait in the engine."""
    SHELL = "shell"
    """A real `sleep`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """One task of the specification, or its execution, and where it stands."""

    path: DocumentPath
    id: str
    raw: JsonObject


def import_file(path: Path, *, time_scale: float = 1.0, through: Through = Through.DELAY) -> JsonObject:
    """Return the workflow of a record: one task each, parents as needs, run time times `time_scale`.

    Raises what `loader.read` raises, and `InvalidDocument` with every reason against the record.
    """
    return to_workflow(read(path, limits=LIMITS), time_scale=time_scale, through=through)


def to_workflow(loaded: Loaded, *, time_scale: float = 1.0, through: Through = Through.DELAY) -> JsonObject:
    """Return the workflow of a record that was read already."""
    if not math.isfinite(time_scale) or time_scale < 0:
        raise Invalid("wfformat.time_scale", "the time scale must be a number, 0 or more", hint="try 0.001")
    record = _Record(loaded)
    specified = record.tasks()
    needs = record.needs(specified)
    executed = record.executed(specified)
    if record.faults:
        raise InvalidDocument(loaded.source, record.faults)
    keys = make_keys([task.id for task in specified])
    tasks: list[JsonValue] = []
    for task in specified:
        ran = executed[task.id]
        seconds = _number(ran.get("runtimeInSeconds")) * time_scale
        tasks.append(
            {
                "key": keys[task.id],
                "name": _name(task)[:_NAME_MAX],
                **({"needs": [keys[need] for need in needs[task.id]]} if needs[task.id] else {}),
                "uses": through.value,
                "with": _input(seconds, through),
                "metadata": _metadata(task, ran),
            }
        )
    return {**record.heading(), "tasks": tasks}


def make_keys(ids: list[str]) -> dict[str, str]:
    """Return a task key for each id, in order: lower case, other characters `_`, all different.

    Keys begin with a letter (`t_` in front if needed); the second of the same spelling ends in `_2`.
    """
    keys: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in ids:
        base = _OTHER.sub("_", name.lower())[:_KEY_MAX]
        base = base if base[:1].isalpha() else f"t_{base}"
        key = base
        while key in taken:
            numbers[base] = numbers.get(base, 1) + 1
            key = f"{base}_{numbers[base]}"
        taken.add(key)
        keys[name] = key
    return keys


class _Record:
    """A record under examination; `faults` gathers what is wrong with it."""

    def __init__(self, loaded: Loaded) -> None:
        self.faults: list[Fault] = []
        self._positions: Positions = loaded.positions
        self._root: JsonObject = loaded.value if isinstance(loaded.value, dict) else {}
        version = self._root.get("schemaVersion")
        if "workflow" not in self._root or version is None:
            message = "this is not a WfFormat record: it has no `schemaVersion` and `workflow`"
            raise InvalidDocument(loaded.source, [self._positions.fault_at((), "wfformat.foreign", message)])
        if version != VERSION:
            message = f"WfFormat {version!s:.20} is not known here, only {VERSION}"
            fault = self._positions.fault_at(("schemaVersion",), "wfformat.version", message)
            raise InvalidDocument(loaded.source, [fault])

    def heading(self) -> JsonObject:
        """Return name and description of the workflow."""
        name, description = self._root.get("name"), self._root.get("description")
        heading: JsonObject = {"name": name[:_NAME_MAX] if isinstance(name, str) and name else "wfformat"}
        if isinstance(description, str) and description:
            heading["description"] = description[:2000]
        return heading

    def tasks(self) -> list[_Recorded]:
        """Return the tasks specified, each id once, in the order of the record."""
        tasks: dict[str, _Recorded] = {}
        for task in self._items(_SPECIFIED):
            if task.id in tasks:
                self._fault("wfformat.duplicate", f"two tasks have the id {task.id!r}", (*task.path, "id"))
                continue
            tasks[task.id] = task
        if not tasks and not self.faults:
            self._fault("wfformat.foreign", "the record has no tasks", _SPECIFIED)
        return list(tasks.values())

    def needs(self, tasks: list[_Recorded]) -> dict[str, list[str]]:
        """Return the parents of each task; an edge that only the parent names counts as well."""
        needs: dict[str, list[str]] = {task.id: [] for task in tasks}
        for task in tasks:
            needs[task.id] = list(dict.fromkeys(self._linked(task, "parents", needs)))
        known = {task: set(parents) for task, parents in needs.items()}
        for task in tasks:
            for child in self._linked(task, "children", needs):
                if task.id not in known[child]:
                    known[child].add(task.id)
                    needs[child].append(task.id)
        for cycle in cycles(needs):
            shown = " -> ".join([*cycle[:10], *(["..."] if len(cycle) > 10 else []), cycle[0]])
            at = next(task.path for task in tasks if task.id == cycle[0])
            self._fault("wfformat.cycle", f"tasks depend on each other in a circle: {shown}", at)
        return needs

    def executed(self, tasks: list[_Recorded]) -> dict[str, JsonObject]:
        """Return the execution of each task, with a run time that can be used."""
        executed: dict[str, JsonObject] = {}
        known = {task.id for task in tasks}
        for run in self._items(_EXECUTED):
            name = repr(run.id)
            if run.id in executed:
                self._fault("wfformat.duplicate", f"two executions have the id {name}", (*run.path, "id"))
            elif run.id not in known:
                near = did_you_mean(run.id, known)
                self._fault("wfformat.dangling", f"{name} was executed but not specified{near}", run.path)
            elif _number(run.raw.get("runtimeInSeconds")) < 0:
                message = f"the run time of {name} is not a number of seconds, 0 or more"
                self._fault("wfformat.run_time", message, (*run.path, "runtimeInSeconds"))
            executed[run.id] = run.raw
        for task in tasks:
            if task.id not in executed:
                self._fault("wfformat.run_time", f"{task.id!r} has no execution, so no run time", task.path)
        return executed

    def _items(self, path: DocumentPath) -> Iterator[_Recorded]:
        value: JsonValue = self._root
        for step in path:
            value = value.get(str(step)) if isinstance(value, dict) else None
        if not isinstance(value, list):
            self._fault("wfformat.foreign", f"the record has no list `{'.'.join(map(str, path))}`", path)
            return
        for index, raw in enumerate(value):
            name = raw.get("id") if isinstance(raw, dict) else None
            if isinstance(raw, dict) and isinstance(name, str) and name:
                yield _Recorded(path=(*path, index), id=name, raw=raw)
            else:
                self._fault("wfformat.foreign", "a task without an `id`", (*path, index))

    def _linked(self, task: _Recorded, side: str, known: dict[str, list[str]]) -> Iterator[str]:
        value = task.raw.get(side, [])
        if not isinstance(value, list):
            self._fault("wfformat.foreign", f"`{side}` of {task.id!r} is not a list", (*task.path, side))
            return
        for index, name in enumerate(value):
            if isinstance(name, str) and name in known:
                yield name
                continue
            near = did_you_mean(name, known) if isinstance(name, str) else ""
            message = f"{task.id!r} names {name!r} among its {side}, which is not found{near}"
            self._fault("wfformat.dangling", message, (*task.path, side, index))

    def _fault(self, code: str, message: str, path: DocumentPath) -> None:
        self.faults.append(self._positions.fault_at(path, code, message))


def _number(value: JsonValue) -> float:
    """Return a finite number, or -1 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return -1.0
    return float(value)


def _name(task: _Recorded) -> str:
    name = task.raw.get("name")
    return name if isinstance(name, str) and name else task.id


def _input(seconds: float, through: Through) -> JsonObject:
    if through is Through.SHELL:
        return {"argv": ["sleep", f"{seconds:.6f}".rstrip("0").rstrip(".")]}
    return {"seconds": seconds}


def _metadata(task: _Recorded, ran: JsonObject) -> JsonObject:
    kept: JsonObject = {"id": task.id, "name": _name(task)}
    if "command" in ran:
        kept["command"] = ran["command"]
    files: JsonObject = {
        short: task.raw[name]
        for short, name in (("input", "inputFiles"), ("output", "outputFiles"))
        if name in task.raw
    }
    return {**kept, "files": files} if files else kept
