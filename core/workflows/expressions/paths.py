"""Paths such as `tasks.a.output[0].id`: found in trees, followed, written.

Used by the checks and the evaluation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from core.model.errors import Invalid
from core.model.near_misses import did_you_mean
from core.model.values import JsonObject
from core.workflows.expressions.kinds import Value, kind_of, with_article
from core.workflows.expressions.syntax import Constant, Index, Member, Name, Node

Path: TypeAlias = tuple[str | int, ...]
"""A root name, then names and indices."""


def literal_path(node: Node) -> Path | None:
    """Return the path that a node is, None for anything else."""
    steps: list[str | int] = []
    while True:
        match node:
            case Name():
                return (node.name, *reversed(steps))
            case Member():
                steps.append(node.name)
                node = node.of
            case Index(key=Constant(value=str() | int() as key)):
                steps.append(key)
                node = node.of
            case _:
                return None


def enter(value: Value, step: str | int, before: Path | None) -> Value:
    """Return what a step leads to; raise `Invalid` where it leads nowhere, with a near miss.

    `before` is the path to the value, None where it was computed.
    """
    # A mapping of another kind than dict may stand at the top: the runner's scope loads lazily.
    if isinstance(value, Mapping) and isinstance(step, str):
        if step in value:
            return value[step]
        raise unknown_name(step, before or (), list(value))
    place = f"`{write_steps(before)}`" if before else "the value"
    if isinstance(value, list) and isinstance(step, int):
        if 0 <= step < len(value):
            return value[step]
        raise Invalid(
            "expression.unknown",
            f"{place} has {len(value)} items, [{step}] is not one of them",
            hint="check the index, or how many items the task returned",
            facts=_path_facts(before, step),
        )
    shown = f"[{step}]" if isinstance(step, int) else f".{step}"
    raise Invalid(
        "expression.type",
        f"{place} is {with_article(kind_of(value))}, it has no `{shown}`",
        hint="check the output of the task that is named",
        facts={**_path_facts(before, step), "types": [kind_of(value)]},
    )


def write_steps(path: Sequence[str | int]) -> str:
    """Write a path as it stands in an expression."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def unknown_name(step: str, before: Path, known: Collection[str]) -> Invalid:
    """Return the refusal of a name that a mapping does not have."""
    place = f" in `{write_steps(before)}`" if before else ""
    return Invalid(
        "expression.unknown",
        f"`{step}` was not found{place}{did_you_mean(step, known)}",
        hint="check the name",
        facts={"path": write_steps((*before, step))},
    )


def _path_facts(before: Path | None, step: str | int) -> JsonObject:
    return {"path": write_steps((*(before or ()), step))}
