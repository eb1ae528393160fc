"""Document files: workflows as the texts that clients send.

Offered by `core.control.api` to the console: no engine reads a file that a text names.
"""

from __future__ import annotations

from pathlib import Path

from core.model.commands.work import DocumentText
from core.model.text import safe_line
from core.workflows.whole_text import read_whole_text


def read_document(path: Path) -> DocumentText:
    """Read a file as a document, with what it includes; raise what `read_whole_text` raises."""
    return DocumentText(name=safe_line(path.name), text=read_whole_text(path))
