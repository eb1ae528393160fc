"""Make the path of a document mean the caller's file, wherever the engine is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.files.reading import read_document_text
from core.model.commands import DocumentText

if TYPE_CHECKING:
    from core.control.api import Document


def located(document: Document) -> Document:
    """Make a path absolute, against the directory of this process; a parsed document or text stays."""
    return str(Path(document).absolute()) if isinstance(document, str) else document


def carried(document: Document) -> Document:
    """Read the file of a path, for an engine that cannot; a parsed document or text stays.

    Raises `NotFound` (`document.not_found`), `Invalid` (`document.*`).
    """
    if not isinstance(document, str):
        return document
    path = Path(document).absolute()
    return DocumentText(name=str(path), text=read_document_text(path))
