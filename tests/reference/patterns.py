"""Which patterns occur in documents, counted.

Read from the words of the documents, so that none is forgotten as it is added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

PARTS = {
    "uses": ("scripted", "workflow", "signal", "human", "wait", "file", "job"),
    "on_task_failure": ("stop", "finish", "continue"),
    "on_instance_failure": ("stop", "finish", "continue"),
    "on_child_failure": ("fail", "skip", "succeed"),
    "on_deny": ("skip",),
    "on_due": ("approve", "reject", "fail"),
    "after": ("cancel_rest", "run_all"),
    "result": ("retry", "skip", "succeed", "fail"),
    "end": ("failed", "cancelled"),
    "status": ("succeeded", "failed", "cancelled", "ended"),
}
"""Fields whose values are patterns of their own."""
FIELDS = (
    *(
        "include",
        "defaults",
        "stages",
        "finally",
        "outputs",
        "variables",
        "set",
        "for_each",
        "matrix",
        "exclude",
    ),
    *(
        "as",
        "max_parallel",
        "threshold",
        "each",
        "when",
        "retry",
        "on",
        "success_exit_codes",
        "skip_exit_codes",
    ),
    *(
        "continue_on_error",
        "on_failure",
        "max",
        "next",
        "cancel",
        "output",
        "poll",
        "quorum",
        "form",
        "timeout",
    ),
)
"""Fields that are patterns whatever their value."""


def patterns_of(documents: dict[str, Any]) -> set[str]:
    """Return the patterns that occur in documents."""
    return set(_found(documents))


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _found(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        # A worklet gives out by all names, what its parameters say; they are declared with types.
        is_said = item != f"${{{{ params.{name} }}}}" and not (isinstance(item, dict) and "type" in item)
        if name in FIELDS and is_said:
            yield name
        if isinstance(item, str) and item in PARTS.get(name, ()):
            yield f"{name}: {item}"
        yield from _found(item)
    if "for_each" in value or "matrix" in value:
        yield f"instances of {value.get('uses', 'scripted')}"
        if "on_failure" in value:
            yield "worklets of instances"
    if "on_failure" in value and "tasks" in value:
        yield "worklets of stages"


def every_pattern() -> set[str]:
    """Return what occurs, if all does."""
    parts = {f"{name}: {part}" for name, values in PARTS.items() for part in values}
    instances = {f"instances of {uses}" for uses in PARTS["uses"]}
    return {*FIELDS, *parts, *instances, "worklets of instances", "worklets of stages"}


def table(count: Counter[str], documents: int) -> str:
    """Return how many of so many documents have each pattern."""
    cells = [f"{name} {count[name]:,}" for name in sorted(every_pattern(), key=lambda name: -count[name])]
    width = max(map(len, cells)) + 2
    rows = [
        "".join(cell.ljust(width) for cell in cells[at : at + 4]).rstrip() for at in range(0, len(cells), 4)
    ]
    return "\n".join([f"patterns in {documents:,} documents:", *(f"  {row}" for row in rows)])
