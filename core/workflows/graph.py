"""Graphs of needs: order, cycles, levels, longest and critical path.

Pure functions, used by the checks, the drawing and the importer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.model.errors import Invalid
from core.render.graph.layering import depths

Needs: TypeAlias = Mapping[str, Sequence[str]]
"""For every key the keys it needs; all of them are keys themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Tasks one after the other, and how long they take together (in the unit of the run times)."""

    keys: tuple[str, ...]
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The keys of a graph, sorted as far as its cycles allow."""

    keys: list[str]
    """Needs come first; in the order given where free."""
    cyclic: list[str]
    """Keys of cycles and what depends on them; empty for a graph without a cycle."""


def order(needs: Needs) -> Order:
    """Sort the keys of a graph by their needs.

    Source: A. B. Kahn, "Topological sorting of large networks", CACM 5 (1962).
    """
    left = {key: len(wanted) for key, wanted in needs.items()}
    dependants = reverse(needs)
    ready = deque(key for key, count in left.items() if count == 0)
    done: list[str] = []
    while ready:
        key = ready.popleft()
        done.append(key)
        for follower in dependants[key]:
            left[follower] -= 1
            if left[follower] == 0:
                ready.append(follower)
    return Order(keys=done, cyclic=[key for key, count in left.items() if count > 0])


def reverse(needs: Needs) -> dict[str, list[str]]:
    """Return for every key the keys that need it."""
    dependants: dict[str, list[str]] = {key: [] for key in needs}
    for key, wanted in needs.items():
        for need in wanted:
            dependants[need].append(key)
    return dependants


def cycles(needs: Needs) -> list[tuple[str, ...]]:
    """Return cycles that share no task, at least one per knot; a task is followed by one it needs."""
    left = set(order(needs).cyclic)
    separate: list[tuple[str, ...]] = []
    while left:
        start = next(key for key in needs if key in left)
        walk: dict[str, int] = {}
        at = start
        while at not in walk:
            walk[at] = len(walk)
            # Each key left needs another one left, or it would have been ordered.
            at = next(need for need in needs[at] if need in left)
        cycle = tuple(list(walk)[walk[at] :])
        separate.append(cycle)
        rest = {key: [need for need in needs[key] if need in left] for key in left - set(cycle)}
        left = set(order({key: [n for n in wanted if n in rest] for key, wanted in rest.items()}).cyclic)
    return separate


def ancestors(needs: Needs, key: str) -> set[str]:
    """Return everything a task needs, directly or through others; unknown keys are passed over."""
    seen: set[str] = set()
    stack = list(needs.get(key, ()))
    while stack:
        need = stack.pop()
        if need not in seen:
            seen.add(need)
            stack.extend(needs.get(need, ()))
    return seen


def dependents_of(key: str, first: Mapping[str, str], *, most: int = 10) -> tuple[str, ...]:
    """Return tasks each of which needs the next, the nearest `most` of them; the last is `key` itself.

    `first` holds for each key that is needed the first task that needs it.
    """
    chain = [key]
    while len(chain) < most and (above := first.get(chain[-1])) is not None and above not in chain:
        chain.append(above)
    return tuple(reversed(chain))


def levels(needs: Needs) -> list[list[str]]:
    """Return the keys by the length of the longest chain before them; raise `Invalid` for a cycle."""
    _sorted(needs)
    depth = depths(needs)
    result: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in needs:
        result[depth[key]].append(key)
    return result


def longest_chain(needs: Needs) -> Chain:
    """Return the chain with the most tasks; its length is their number."""
    return critical_path(needs, dict.fromkeys(needs, 1.0))


def critical_path(needs: Needs, run_times: Mapping[str, float]) -> Chain:
    """Return the chain that takes longest; tasks without a run time count as 0.

    Ties go to the need named first. Raises `Invalid` for a cycle.
    """
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for key in _sorted(needs):
        last = max(needs[key], key=lambda need: ends[need], default=None)
        before[key] = last
        ends[key] = run_times.get(key, 0.0) + (ends[last] if last is not None else 0.0)
    if not ends:
        return Chain(keys=(), length=0.0)
    at: str | None = max(ends, key=lambda key: ends[key])
    length = ends[at] if at is not None else 0.0
    keys: list[str] = []
    while at is not None:
        keys.append(at)
        at = before[at]
    return Chain(keys=tuple(reversed(keys)), length=length)


def _sorted(needs: Needs) -> list[str]:
    ordered = order(needs)
    if ordered.cyclic:
        names = " -> ".join(cycles(needs)[0])
        raise Invalid(
            "document.cycle",
            f"tasks need each other in a circle: {names}",
            hint="cut one edge",
            facts={"tasks": [*cycles(needs)[0]]},
        )
    return ordered.keys
