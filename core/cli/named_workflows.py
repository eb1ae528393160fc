"""Named workflows: documents that a command line names, registered ones too.

Used by `run`, `check` and `graph`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.cli.arguments import Common
from core.cli.reading import reading
from core.cli.whole_documents import piped_workflow
from core.files.kinds import exists, is_file
from core.model.errors import NotFound, Unavailable
from core.model.paths import absolute, working_directory
from core.model.patterns.children import PinnedDocument, is_path
from core.model.patterns.workflow_views import RegisteredText
from core.workflows.loader import Loaded, load
from core.workflows.registry import expanded, find, names, unknown

_REGISTERED = 400
"""Names among which a near miss is looked for."""


class NamedWorkflow(NamedTuple):
    """A document that was read, and the folder in which its paths begin."""

    loaded: Loaded
    folder: Path


def may_be_registered(word: str) -> bool:
    """Tell whether a word is neither standard input, a file, the path of one, nor a built-in name."""
    is_known = word == "-" or exists(absolute(expanded(word))) or word in names()
    return not is_known and not is_path(word)


async def read_named(word: str, arguments: Common) -> NamedWorkflow:
    """Read what a word names: standard input, a file, a built-in workflow, or a registered one.

    Raises `NotFound` with near misses, and `Invalid` for what cannot be loaded.
    """
    if may_be_registered(word):
        found = await registered(word, arguments)
        own = found.version.folder
        loaded = load(found.text, source=word)
        return NamedWorkflow(loaded, working_directory() if own is None else Path(own))
    piped = piped_workflow(word)
    path = absolute(expanded(word))
    folder = path.parent if is_file(path) else working_directory()
    return NamedWorkflow(find(word) if piped is None else load(piped.text, source=piped.name), folder)


async def registered(name: str, arguments: Common) -> RegisteredText:
    """Return the current version of a registered workflow; raise `NotFound` (`workflow.not_found`)."""
    known: tuple[str, ...] = ()
    try:
        async with reading(arguments) as deck:
            known = tuple(one.name for one in await deck.workflows.list(limit=_REGISTERED))
            return await deck.workflows.one(name)
    except (NotFound, Unavailable) as error:
        if error.code not in ("workflow.unknown", "store.missing"):
            raise
        raise unknown(name, known) from None


async def registered_among(wanted: Iterable[str], arguments: Common) -> dict[str, PinnedDocument]:
    """Return the current versions of those of the names that are registered; none without a store."""
    pins: dict[str, PinnedDocument] = {}
    try:
        async with reading(arguments) as deck:
            for name in wanted:
                try:
                    found = await deck.workflows.one(name)
                except NotFound:
                    continue
                pins[name] = PinnedDocument(
                    reference=f"name:{name}",
                    hash=found.version.hash,
                    source=name,
                    text=found.text,
                    folder=found.version.folder,
                )
    except Unavailable as error:
        if error.code != "store.missing":
            raise
    return pins
