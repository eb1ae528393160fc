"""Workflow documents to pick: registered, built in, in files, of recent jobs.

Used by the workflow picker and the form of a new job.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from core.files.kinds import is_dir
from core.model.commands.work import Document, DocumentText
from core.model.errors import Invalid
from core.model.paths import working_directory
from core.model.patterns.workflow_views import RegisteredView
from core.model.text import SafeText
from core.model.values import INBOX, JsonValue
from core.model.views import JobView

ENTRIES = 5_000
"""Entries of a folder that are read."""
RECENT = 5
"""Workflows of recent jobs that are offered."""
_ENDINGS = (".yaml", ".yml", ".json")


class Kind(StrEnum):
    """What an offer leads to."""

    REGISTERED = "registered"
    BUILTIN = "built in"
    AGAIN = "run again"
    UP = "folder above"
    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to pick: a workflow, or a folder to open."""

    kind: Kind
    name: str
    path: Path | None = None
    job: JobView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The offers of a folder; `cut` = it has more entries than were read."""

    path: Path
    offers: tuple[Offer, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A workflow that was picked: its document, its name, and the folder of its tasks."""

    document: Document
    name: SafeText
    folder: str = ""
    job_name: str = ""
    """The initial name of the job; '' = that of the workflow."""
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    """The initial values of its parameters, beside their defaults."""


def working_folder() -> Path:
    """Return the folder the console was started in; the home directory if it no longer exists."""
    try:
        return working_directory()
    except Invalid:
        return Path.home()


def builtins() -> tuple[Offer, ...]:
    """Return the workflows that come with taskdeck, by name."""
    # The documents are data of the package: they are read, nothing of core is called.
    names = sorted(entry.name for entry in (files("core") / "workflows" / "builtin").iterdir())
    return tuple(
        Offer(kind=Kind.BUILTIN, name=name.removesuffix(".yaml")) for name in names if name.endswith(".yaml")
    )


def registered(workflows: Iterable[RegisteredView]) -> tuple[Offer, ...]:
    """Return the workflows that are registered, by name."""
    return tuple(Offer(kind=Kind.REGISTERED, name=one.name) for one in workflows)


def read_builtin(name: str) -> DocumentText:
    """Return a workflow that comes with taskdeck."""
    entry = files("core") / "workflows" / "builtin" / f"{name}.yaml"
    return DocumentText(name=name, text=entry.read_text("utf-8"))


def recent(jobs: Iterable[JobView]) -> tuple[Offer, ...]:
    """Return the newest job of each workflow that was submitted as a document."""
    newest: dict[str, JobView] = {}
    for job in jobs:
        if job.id != INBOX and job.definition_hash is not None:
            newest.setdefault(job.definition_hash, job)
    return tuple(Offer(kind=Kind.AGAIN, name=job.name, job=job) for job in list(newest.values())[:RECENT])


def read_folder(path: Path) -> Folder:
    """Return the folders and documents of a folder; raise `Invalid` (`folder.unreadable`)."""
    path = Path(os.path.normpath(path))
    try:
        with os.scandir(path) as entries:
            listed = [entry for entry, _ in zip(entries, range(ENTRIES + 1), strict=False)]
        offers = [_offer(entry) for entry in listed[:ENTRIES]]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Invalid(
            "folder.unreadable",
            f"cannot read {path}: {reason}",
            hint="pick another",
            facts={"folder": str(path), "reason": reason},
        ) from error
    known = sorted(
        (offer for offer in offers if offer), key=lambda offer: (offer.kind is Kind.FILE, offer.name)
    )
    above = [] if path.parent == path else [Offer(kind=Kind.UP, name="../", path=path.parent)]
    return Folder(path=path, offers=(*above, *known), cut=len(listed) > ENTRIES)


def narrowed(offers: Sequence[Offer], typed: str) -> tuple[Offer, ...]:
    """Return the offers whose name holds what was typed; hidden ones only when a dot begins it."""
    wanted = typed.casefold()
    return tuple(
        offer
        for offer in offers
        if wanted in offer.name.casefold()
        and (wanted.startswith(".") or offer.kind is Kind.UP or not offer.name.startswith("."))
    )


def _offer(entry: os.DirEntry[str]) -> Offer | None:
    if is_dir(Path(entry.path)):
        return Offer(kind=Kind.FOLDER, name=f"{entry.name}/", path=Path(entry.path))
    if entry.name.lower().endswith(_ENDINGS):
        return Offer(kind=Kind.FILE, name=entry.name, path=Path(entry.path))
    return None
