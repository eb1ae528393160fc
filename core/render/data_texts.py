"""What tasks of a job pass on, as texts and as JSON.

Used by the commands and the console.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from core.model.patterns.artifacts import KeptArtifact
from core.model.text import SafeText, fit, safe_line
from core.model.values import JsonObject, JsonValue, to_iso
from core.model.views import JobOutputs, VariableView
from core.render.sizes import size_text

VALUE_MOST = 60
"""Characters of a value in a short line."""
_NAME_MOST = 24


def variable_lines(variables: Sequence[VariableView], *, most: int | None = VALUE_MOST) -> Iterator[SafeText]:
    """Yield a line for each variable: name, value as JSON, the task that changed it last.

    Of longer values there are `most` characters; None = all.
    """
    width = min(_NAME_MOST, max((len(one.name) for one in variables), default=0))
    for one in variables:
        yield safe_line(f"{fit(one.name, width)}  {_shown(one.value, most)}{_changed(one)}")


def variable_shape(variable: VariableView) -> JsonObject:
    """Return a variable as `show --json` has it."""
    changed: JsonValue = None if variable.changed_at is None else to_iso(variable.changed_at)
    return {
        "name": variable.name,
        "type": variable.type,
        "value": variable.value,
        "task": variable.task_id,
        "key": variable.key,
        "changed_at": changed,
    }


def output_lines(outputs: JsonObject, *, most: int | None = VALUE_MOST) -> Iterator[SafeText]:
    """Yield a line for each value that a job gives out, as JSON; of longer ones `most` characters."""
    width = min(_NAME_MOST, max(map(len, outputs), default=0))
    for name, value in outputs.items():
        yield safe_line(f"{fit(name, width)}  {_shown(value, most)}")


def outputs_shape(given: JobOutputs) -> JsonObject:
    """Return what a job gives out as `show --outputs --json` has it."""
    return {"job": given.job_id, "status": given.status, "outputs": given.outputs, "error": given.error}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """A file that a task of a job left, and where its copy is (None = not known here)."""

    job_id: int
    kept: KeptArtifact
    copy: PurePath | None


def artifact_line(kept: KeptArtifact, copy: PurePath | None) -> SafeText:
    """Write a file that a task left, and where it is."""
    told = (kept.key, kept.file.name, size_text(kept.file.size), kept.file.path, copy or "")
    return safe_line("  ".join(map(str, told)).rstrip())


def artifact_shape(kept: KeptArtifact, copy: PurePath | None) -> JsonObject:
    """Return a file that a task left as `artifacts --json` has it; `file` is where it is."""
    return {
        "task": kept.task_id,
        "key": kept.key,
        "attempt": kept.epoch,
        "artifact": kept.file.name,
        "path": kept.file.path,
        "size": kept.file.size,
        "sha256": kept.file.hash,
        "file": None if copy is None else str(copy),
    }


def _shown(value: JsonValue, most: int | None) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def _changed(variable: VariableView) -> str:
    if variable.changed_at is None:
        return ""
    by = f"task {variable.task_id}" if variable.key is None else variable.key
    return f"  (by {by}, {to_iso(variable.changed_at)})"
