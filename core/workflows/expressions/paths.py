"""Plain paths such as `tasks.a.output[0].id`: parsed and followed without CEL.

Used by `checking` and `resolving`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias, cast

from core.model.errors import Invalid
from core.model.near_misses import did_you_mean
from core.model.values import JsonValue

Path: TypeAlias = tuple[str | int, ...]
"""A root name, then names and indices."""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_STEP = re.compile(
    rf"""\s*(?:\.\s*(?P<name>{_NAME})|\[\s*(?:(?P<index>[0-9]{{1,9}})|"(?P<double>[^"\\]*)"|'(?P<single>[^'\\]*)')\s*\])""",
    re.ASCII,
)
_ROOT = re.compile(_NAME, re.ASCII)
_CONSTANTS = frozenset({"true", "false", "null"})


def parse_path(source: str) -> Path | None:
    """Return the steps of a plain path, None for anything else."""
    match = _ROOT.match(source)
    if match is None or match.group() in _CONSTANTS:
        return None
    steps: list[str | int] = [match.group()]
    while (step := _STEP.match(source, match.end())) is not None:
        match = step
        index = step["index"]
        steps.append(int(index) if index else step["name"] or step["double"] or step["single"] or "")
    return None if source[match.end() :].strip() else tuple(steps)


def follow(path: Path, scope: Mapping[str, JsonValue]) -> JsonValue:
    """Return the value a path leads to; raise `Invalid` where it leads nowhere, with a near miss."""
    node: JsonValue = cast("JsonValue", scope)
    for number, step in enumerate(path):
        node = _enter(node, step, path[:number])
    return node


def write_steps(path: Sequence[str | int]) -> str:
    """Write a path as it stands in an expression."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def unknown_name(step: str, before: Path, known: Collection[str]) -> Invalid:
    """Return the refusal of a name that a mapping does not have."""
    place = f" in `{write_steps(before)}`" if before else ""
    return Invalid(
        "expression.unknown",
        f"there is no `{step}`{place}{did_you_mean(step, known)}",
        hint="check the name",
        facts={"path": write_steps((*before, step))},
    )


def _enter(node: JsonValue, step: str | int, before: Path) -> JsonValue:
    # A mapping of another kind than dict may stand at the top: the runner's scope loads lazily.
    if isinstance(node, Mapping) and isinstance(step, str):
        if step in node:
            return node[step]
        raise unknown_name(step, before, list(node))
    if isinstance(node, list) and isinstance(step, int):
        if step < len(node):
            return node[step]
        raise Invalid(
            "expression.unknown",
            f"`{write_steps(before)}` has {len(node)} items, there is no [{step}]",
            hint="check the index, or how many items the task returned",
            facts={"path": write_steps((*before, step))},
        )
    raise Invalid(
        "expression.type",
        f"`{write_steps(before)}` is {_kind(node)}; `{step}` leads nowhere",
        hint="check the output of the task that is named",
        facts={"path": write_steps((*before, step))},
    )


def _kind(node: JsonValue) -> str:
    if node is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(node), "a mapping")
