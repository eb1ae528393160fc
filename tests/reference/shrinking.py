"""The smallest documents that an engine still ends otherwise than the reference.

Called where a comparison found a difference. Parts are left out one by one, many such documents at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tests.reference.documents import without_unused
from tests.reference.runs import Comparison, compare

AT_ONCE = 60
"""Documents that are tried on one engine."""
PATIENCE = 20
"""Seconds after which an engine that goes on otherwise has."""
ENDS = 500
"""Ends of one job, at most, that the reference may need."""
KEPT = {"name", "params", "key", "uses", "with", "at", "ends", "file", "needs", "i", "tasks", "stages"}
"""Fields without which a document says nothing."""
Documents = dict[str, Any]


async def shrink(name: str, documents: Documents) -> Documents:
    """Return the smallest documents that still differ, by what is found; those given if none does."""
    while True:
        found = await _first_that_differs(name, list(_smaller(documents)))
        if found is None:
            return documents
        documents = found


async def _first_that_differs(name: str, candidates: list[Documents]) -> Documents | None:
    for at in range(0, len(candidates), AT_ONCE):
        named = {f"{name}v{at + k}": one for k, one in enumerate(candidates[at : at + AT_ONCE])}
        playable = {own: _named(one, own) for own, one in named.items() if _is_playable(own, one, order=name)}
        found = await compare(playable, deadline=PATIENCE, order=name) if playable else {}
        for own in playable:
            if own in found and not found[own][0].startswith("refused"):
                return named[own]
    return None


def _named(documents: Documents, name: str) -> Documents:
    """Return documents whose job has this name."""
    named = copy.deepcopy(documents)
    for document in named.values():
        if "at" in document.get("params", {}):
            document["params"]["at"]["default"] = name
    return named


def _is_playable(name: str, documents: Documents, *, order: str) -> bool:
    """Return whether the reference understands documents."""
    try:
        one = Comparison(name, documents, order=order)
        for _ in range(ENDS):
            if not one.wanted:
                return one.job.status != "running"
            one.choose()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, NameError):
        pass
    return False


def _smaller(documents: Documents) -> Iterator[Documents]:
    """Yield documents with one part left out, large parts first."""
    paths = sorted(_paths(documents, ()), key=len)
    for path in paths:
        smaller = copy.deepcopy(documents)
        place: Any = smaller
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        yield without_unused(_whole(smaller))


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    steps = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for step, item in steps:
        if path and step not in KEPT and path[-1] != "params":
            yield (*path, step)
        if step not in ("params", "ends"):
            yield from _paths(item, (*path, step))


def _whole(documents: Documents) -> Documents:
    """Drop the needs that name a task which is not there any more."""
    for file, document in documents.items():
        parts = [documents[name] for name in document.get("include", []) if name in documents]
        keys = {task["key"] for part in (document, *parts) for task in _tasks(part)}
        for task in _tasks(document) if not file.startswith("part-") else ():
            task["needs"] = [need for need in task["needs"] if {*need.values()} & keys]
    return documents


def _tasks(document: Any) -> list[dict[str, Any]]:
    staged = [task for stage in document.get("stages", []) for task in stage["tasks"]]
    return [*document.get("tasks", []), *staged, *document.get("finally", [])]
