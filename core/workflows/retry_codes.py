"""Checks of the error codes that `retry.on` names.

Called by the validation of documents and by admission.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import NamedTuple

from core.model.codes import ENGINE_CODES, PATTERN, ErrorCodes, fault_of
from core.model.errors import Fault
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.outline import Outline
from core.workflows.positions import DocumentPath, Positions


def code_faults(
    document: JsonObject, outline: Outline, positions: Positions, checks: Checks
) -> Iterator[Fault]:
    """Return the faults of all `retry.on` of a document, those of `defaults` first."""
    known = frozenset(checks.names())
    used = [task.uses for task in outline.tasks if task.uses is not None and task.uses in known]
    path: DocumentPath = ("defaults", "retry", "on")
    for index, text in _patterns(document.get("defaults")):
        # The defaults are for every task: what a connector that declares nothing fails with is not known.
        if any(checks.codes(uses) is None for uses in used):
            break
        fault = fault_of(text, _all_codes(checks))
        if fault is not None:
            yield positions.fault_at((*path, index), "document.unknown_code", fault)
    for task in outline.tasks:
        if task.uses not in known or task.uses is None:
            continue
        for index, text in _patterns(task.raw):
            fault = pattern_fault(text, task.uses, checks)
            if fault is not None:
                place = (*task.path, "retry", "on", index)
                yield positions.fault_at(place, "document.unknown_code", fault)


def pattern_fault(text: str, uses: str, checks: Checks) -> str | None:
    """Return in a sentence why a task of this connector cannot fail with such an error, or None."""
    own = checks.codes(uses)
    if own is None:
        return None
    fault = fault_of(text, own | ENGINE_CODES)
    if fault is None:
        return None
    for other in checks.names():
        declared = checks.codes(other)
        if other != uses and declared is not None and fault_of(text, declared) is None:
            return f"`{text}` is an error of `{other}`, and this task uses `{uses}`"
    return fault


def _all_codes(checks: Checks) -> ErrorCodes:
    declared = (checks.codes(name) for name in checks.names())
    return reduce(or_, (codes for codes in declared if codes is not None), ENGINE_CODES)


class _Pattern(NamedTuple):
    """A pattern of codes, and its place in the list."""

    place: int
    text: str


def _patterns(holder: JsonValue) -> Iterable[_Pattern]:
    retry = holder.get("retry") if isinstance(holder, dict) else None
    listed = retry.get("on") if isinstance(retry, dict) else None
    if not isinstance(listed, list):
        return ()
    # What does not even look like a code is refused by the shape of the document.
    return [
        _Pattern(index, text)
        for index, text in enumerate(listed)
        if isinstance(text, str) and re.fullmatch(PATTERN, text)
    ]
