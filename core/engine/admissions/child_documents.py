"""Documents of children, read and pinned when a job is submitted.

Called by the admission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.model.errors import Fault, InvalidDocument, NotFound, TaskdeckError
from core.model.patterns.children import DEPTH_MAX, TOO_DEEP, PinnedDocument
from core.model.ports import Checks
from core.model.text import safe_line
from core.workflows.child_uses import ChildUse, child_uses, use_faults
from core.workflows.expansion import Workflow, hash_of, parse_loaded
from core.workflows.loader import load
from core.workflows.registry import builtin_text, names
from core.workflows.whole_text import read_whole_text

DOCUMENTS_MAX = 500
"""Documents that one job may pin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A document that was read, and how many levels are below it."""

    pin: PinnedDocument
    workflow: Workflow
    height: int = 0


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What was read so far, by reference."""

    checks: Checks
    registered: Mapping[str, PinnedDocument | None]
    """What is known of registered names; None = no workflow has the name."""
    wanted: set[str] = field(default_factory=set)
    """Names of which nothing is known yet."""
    nodes: dict[str, _Node] = field(default_factory=dict)


class _Faulty(Exception):
    """Something is wrong below; the text says what."""


class _Wanted(Exception):
    """A registered name has to be read first."""


class _Text(NamedTuple):
    """A document as it is read: what it is called, and the folder in which its paths begin."""

    source: str
    text: str
    folder: str | None


class Pinned(NamedTuple):
    """The documents that a workflow names; complete when no name is wanted any more."""

    documents: tuple[PinnedDocument, ...]
    wanted: frozenset[str] = frozenset()


def pin_documents(
    root: Workflow,
    *,
    folder: Path | None,
    checks: Checks,
    registered: Mapping[str, PinnedDocument | None],
) -> Pinned:
    """Return the documents that a workflow names, and those that they name; files are read now.

    Names that are neither built-in nor among `registered` are returned as wanted: call it again with them.

    Raises `InvalidDocument` for one that is missing or faulty, a circle, and for children too deep.
    """
    reading = _Reading(checks=checks, registered=registered)
    faults: list[Fault] = []
    own = hash_of(root.definition)
    for use in child_uses(root.definition):
        try:
            node = _node(use, folder, reading, chain=((own, root.document.name),))
            faults += use_faults(use, node.workflow.document, root.positions)
        except _Wanted:
            continue
        except _Faulty as fault:
            faults.append(root.positions.fault_at(use.path, "workflow.child", str(fault)))
    if reading.wanted:
        return Pinned((), frozenset(reading.wanted))
    if faults:
        raise InvalidDocument(root.source, tuple(faults))
    return Pinned(tuple(node.pin for node in reading.nodes.values()))


def _node(
    use: ChildUse, folder: Path | None, reading: _Reading, *, chain: tuple[tuple[str, str], ...]
) -> _Node:
    reference = use.reference(folder)
    known = reading.nodes.get(reference)
    if known is not None:
        if len(chain) + known.height > DEPTH_MAX:
            raise _Faulty(TOO_DEEP)
        return known
    if len(reading.nodes) >= DOCUMENTS_MAX:
        raise _Faulty(f"a job may name at most {DOCUMENTS_MAX} documents")
    pin, workflow = _read(use, reference, reading)
    hashes = [content for content, _ in chain]
    if pin.hash in hashes:
        circle = [name for _, name in chain[hashes.index(pin.hash) :]]
        shown = " -> ".join([*circle, workflow.document.name])
        raise _Faulty(f"workflows begin each other in a circle: {shown}")
    if len(chain) > DEPTH_MAX:
        raise _Faulty(TOO_DEEP)
    height = 0
    own_folder = None if pin.folder is None else Path(pin.folder)
    for below in child_uses(workflow.definition):
        node = _node(below, own_folder, reading, chain=(*chain, (pin.hash, workflow.document.name)))
        for fault in use_faults(below, node.workflow.document, workflow.positions):
            raise _Faulty(f"{use.text}: {fault.message}")
        height = max(height, node.height + 1)
    made = _Node(pin=pin, workflow=workflow, height=height)
    reading.nodes[reference] = made
    return made


def _read(use: ChildUse, reference: str, reading: _Reading) -> tuple[PinnedDocument, Workflow]:
    try:
        if use.by == "file":
            path = Path(reference.partition(":")[2])
            named = _Text(str(path), read_whole_text(path), str(path.parent))
        else:
            named = _named(use.text, reading)
        workflow = parse_loaded(load(named.text, source=named.source), reading.checks)
    except InvalidDocument as error:
        first = error.faults[0]
        at = f", line {first.line}" if first.line else ""
        raise _Faulty(f"{first.file or use.text}{at}: {first.message}") from error
    except TaskdeckError as error:
        raise _Faulty(f"{use.text} cannot be read: {error.message}") from error
    pin = PinnedDocument(
        reference=reference,
        hash=hash_of(workflow.definition),
        source=named.source,
        text=named.text,
        folder=named.folder,
    )
    return pin, workflow


def _named(name: str, reading: _Reading) -> _Text:
    """Return a workflow by its name, a built-in one first."""
    if name in names():
        return _Text(name, builtin_text(name), None)
    if name not in reading.registered:
        reading.wanted.add(name)
        raise _Wanted
    found = reading.registered[name]
    if found is None:
        message = f"no workflow is registered as {safe_line(name)}"
        raise NotFound("workflow.unknown", message, hint="add it with 'taskdeck workflows add'")
    return _Text(found.source, found.text, found.folder)
