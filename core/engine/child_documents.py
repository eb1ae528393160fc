"""Documents of children, read and pinned when a job is submitted.

Called by the admission.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.files.reading import read_document_text
from core.model.children import DEPTH_MAX, TOO_DEEP, PinnedDocument
from core.model.errors import Fault, InvalidDocument, TaskdeckError
from core.model.ports import Checks
from core.workflows.child_uses import ChildUse, child_uses, param_faults
from core.workflows.expansion import Workflow, hash_of, parse_loaded
from core.workflows.loader import load
from core.workflows.registry import builtin_text

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
    nodes: dict[str, _Node] = field(default_factory=dict)


class _Faulty(Exception):
    """Something is wrong below; the text says what."""


def pin_documents(root: Workflow, *, folder: Path | None, checks: Checks) -> tuple[PinnedDocument, ...]:
    """Return the documents that a workflow names, and those that they name; files are read now.

    Raises `InvalidDocument` for one that is missing or faulty, a circle, and for children too deep.
    """
    reading = _Reading(checks=checks)
    faults: list[Fault] = []
    own = hash_of(root.definition)
    for use in child_uses(root.definition):
        try:
            node = _node(use, folder, reading, chain=((own, root.document.name),))
            faults += param_faults(use, node.workflow.document, root.positions)
        except _Faulty as fault:
            faults.append(root.positions.fault_at(use.path, "workflow.child", str(fault)))
    if faults:
        raise InvalidDocument(root.source, tuple(faults))
    return tuple(node.pin for node in reading.nodes.values())


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
        for fault in param_faults(below, node.workflow.document, workflow.positions):
            raise _Faulty(f"{use.text}: {fault.message}")
        height = max(height, node.height + 1)
    made = _Node(pin=pin, workflow=workflow, height=height)
    reading.nodes[reference] = made
    return made


def _read(use: ChildUse, reference: str, reading: _Reading) -> tuple[PinnedDocument, Workflow]:
    try:
        if use.by == "file":
            path = Path(reference.partition(":")[2])
            source, text, folder = str(path), read_document_text(path), str(path.parent)
        else:
            source, text, folder = use.text, builtin_text(use.text), None
        workflow = parse_loaded(load(text, source=source), reading.checks)
    except InvalidDocument as error:
        first = error.faults[0]
        at = f", line {first.line}" if first.line else ""
        raise _Faulty(f"{use.text}{at}: {first.message}") from error
    except TaskdeckError as error:
        raise _Faulty(f"{use.text} cannot be read: {error.message}") from error
    pin = PinnedDocument(
        reference=reference, hash=hash_of(workflow.definition), source=source, text=text, folder=folder
    )
    return pin, workflow
