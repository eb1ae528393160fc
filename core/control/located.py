"""Make the path of a document absolute where it was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.control.api import Document


def located(document: Document) -> Document:
    """Make a path absolute, against the directory of this process; a parsed document or text stays."""
    return str(Path(document).absolute()) if isinstance(document, str) else document
