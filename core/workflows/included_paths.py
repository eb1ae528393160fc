"""Paths within included files, moved to the folder of the document.

Called by the merging.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from core.model.patterns.children import USES
from core.model.values import JsonObject, JsonValue
from core.workflows.positions import DocumentPath
from core.workflows.written import Texts

_ENV_FILE = "env_file"
_HERE = PurePath()


def moved(name: str, folder: PurePath) -> str:
    """Return a path that begins in `folder` as one that begins where `folder` does."""
    return name if folder == _HERE or name.startswith("~") else str(folder / name)


def move_paths(document: JsonObject, folder_of: Callable[[DocumentPath], PurePath], texts: Texts) -> None:
    """Move files of variables, children and worklets that tasks name; changes the lists of the document.

    `folder_of` returns the folder of the file that a stage or task comes from.
    """
    defaults = document.get("defaults")
    uses = defaults.get("uses") if isinstance(defaults, dict) else None
    for field in ("stages", "tasks", "finally"):
        items = document.get(field)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            folder = folder_of((field, index))
            if folder != _HERE and isinstance(item, dict) and isinstance(items, list):
                move = _stage if field == "stages" else _task
                items[index] = move(item, folder, uses, texts)


def _stage(stage: JsonObject, folder: PurePath, uses: JsonValue, texts: Texts) -> JsonObject:
    changes = _worklet(stage, folder, texts)
    tasks = stage.get("tasks")
    if isinstance(tasks, list):
        found = [_task(task, folder, uses, texts) if isinstance(task, dict) else task for task in tasks]
        texts[id(found)] = texts.get(id(tasks), {})
        changes["tasks"] = found
    return _copied(stage, changes, texts)


def _task(task: JsonObject, folder: PurePath, uses: JsonValue, texts: Texts) -> JsonObject:
    changes = _worklet(task, folder, texts)
    names = task.get(_ENV_FILE)
    if isinstance(names, str):
        changes[_ENV_FILE] = moved(names, folder)
    elif isinstance(names, list):
        changes[_ENV_FILE] = [moved(name, folder) if isinstance(name, str) else name for name in names]
    if task.get("uses", uses) == USES:
        changes |= _with_file(task, "with", folder, texts)
    return _copied(task, changes, texts) if changes else task


def _worklet(holder: JsonObject, folder: PurePath, texts: Texts) -> JsonObject:
    return _with_file(holder, "on_failure", folder, texts)


def _with_file(holder: JsonObject, field: str, folder: PurePath, texts: Texts) -> JsonObject:
    """Return the field of a stage or task that names a workflow file, if it does."""
    said = holder.get(field)
    file = said.get("file") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(file, str):
        return {}
    return {field: _copied(said, {"file": moved(file, folder)}, texts)}


def _copied(holder: JsonObject, changes: JsonObject, texts: Texts) -> JsonObject:
    """Return a copy with changes: what is named by anchors may stand in several places."""
    copy = {**holder, **changes}
    texts[id(copy)] = texts.get(id(holder), {})
    return copy
