"""The outline of a raw document: its tasks and edges, despite faults.

Made by the validation.

Checks that look across tasks work on this, so that one misspelt field does not hide a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from core.model.values import JsonObject, JsonValue
from core.workflows.positions import DocumentPath

_NO_WORKLET: JsonObject = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedOutline:
    """One edge: where it stands, what it needs, and whether any end will do."""

    path: DocumentPath
    key: str
    done: bool = False
    each: bool = False
    """Each instance needs the one of its index alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutline:
    """One task with a readable key; `stage` counts from 0."""

    path: DocumentPath
    key: str
    stage: int
    needs: tuple[NeedOutline, ...]
    uses: str | None
    with_: JsonObject
    raw: JsonObject
    on_failure: JsonObject = field(default_factory=dict)
    """Its worklet, by itself or by its stage; {} = it has none."""
    on_failure_path: DocumentPath = ()
    tolerated: bool = False
    """Its failure is, by `continue_on_error`."""
    is_finally: bool = False
    """It runs at the end, whatever became of the others."""
    skips: bool = False
    """It may be skipped by its exit code."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """All tasks in order; `first` holds the first of each key; `params`, `variables` the declared names."""

    tasks: tuple[TaskOutline, ...]
    first: dict[str, TaskOutline] = field(default_factory=dict)
    params: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    on_task_failure: str = "stop"

    def needs(self) -> dict[str, list[str]]:
        """Return the graph of known keys; edges to unknown ones and to itself are left out."""
        return {
            key: list(dict.fromkeys(n.key for n in task.needs if n.key in self.first and n.key != key))
            for key, task in self.first.items()
        }

    @cached_property
    def dependents(self) -> dict[str, str]:
        """The first task that needs each key, for those that any other needs."""
        found: dict[str, str] = {}
        for key, needs in self.needs().items():
            for need in needs:
                found.setdefault(need, key)
        return found


def outline_of(document: JsonObject) -> Outline:
    """Return the outline of a document; what has the wrong shape is passed over."""
    tasks = tuple(_tasks(document, _mapping(document.get("defaults"))))
    first: dict[str, TaskOutline] = {}
    for task in tasks:
        first.setdefault(task.key, task)
    verdict = document.get("on_task_failure", "stop")
    return Outline(
        tasks=tasks,
        first=first,
        params=frozenset(_mapping(document.get("params"))),
        variables=frozenset(_mapping(document.get("variables"))),
        on_task_failure=verdict if isinstance(verdict, str) else "stop",
    )


def is_group(task: JsonObject) -> bool:
    """Return whether a task of a document has instances."""
    return "for_each" in task or "matrix" in task


def _tasks(document: JsonObject, defaults: JsonObject) -> Iterator[TaskOutline]:
    yield from _stage_tasks(document.get("tasks"), ("tasks",), 0, defaults)
    for number, stage in enumerate(_list(document.get("stages"))):
        path = ("stages", number)
        shared = _mapping(_mapping(stage).get("on_failure"))
        for task in _stage_tasks(_mapping(stage).get("tasks"), (*path, "tasks"), number, defaults):
            is_shared = bool(shared) and "on_failure" not in task.raw
            at = (*path, "on_failure")
            yield replace(task, on_failure=shared, on_failure_path=at) if is_shared else task
    last = max(1, len(_list(document.get("stages"))))
    for task in _stage_tasks(document.get("finally"), ("finally",), last, defaults):
        yield replace(task, is_finally=True)


def _stage_tasks(
    value: JsonValue, path: DocumentPath, stage: int, defaults: JsonObject
) -> Iterator[TaskOutline]:
    for index, raw in enumerate(_list(value)):
        if not isinstance(raw, dict) or not isinstance(raw.get("key"), str):
            continue
        # Null is what the defaults say.
        said = {**defaults, **{name: value for name, value in raw.items() if value is not None}}
        own = said.get("uses")
        yield TaskOutline(
            path=(*path, index),
            key=str(raw["key"]),
            stage=stage,
            needs=tuple(_needs(raw.get("needs"), (*path, index, "needs"))),
            uses=own if isinstance(own, str) else None,
            with_=_mapping(raw.get("with")),
            raw=raw,
            skips=bool(said.get("skip_exit_codes")),
            on_failure=_mapping(raw["on_failure"]) if "on_failure" in raw else _NO_WORKLET,
            on_failure_path=(*path, index, "on_failure"),
            tolerated=said.get("continue_on_error") is True,
        )


def _needs(value: JsonValue, path: DocumentPath) -> Iterator[NeedOutline]:
    for index, need in enumerate(_list(value)):
        if isinstance(need, str):
            yield NeedOutline(path=(*path, index), key=need)
        elif isinstance(need, dict):
            word = "task" if "task" in need else "each"
            key, done = need.get(word), need.get("when") == "done"
            if isinstance(key, str):
                yield NeedOutline(path=(*path, index, word), key=key, done=done, each=word == "each")


def _mapping(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
