"""Piped workflows, with the files that they include.

Used by the commands that take a workflow: the engine reads no file that such a text names.
"""

from __future__ import annotations

from core.cli.standard_input import piped_document
from core.model.commands.work import DocumentText
from core.model.paths import working_directory
from core.model.records import replace
from core.workflows.whole_text import whole_text


def piped_workflow(name: str) -> DocumentText | None:
    """Return the workflow behind `-` or the path of a pipe; None for a file.

    What it includes is looked for from the present directory, and is a part of the text. Raises what
    `piped_document` and `whole_text` raise.
    """
    piped = piped_document(name)
    if piped is None:
        return None
    return replace(piped, text=whole_text(piped.text, source=piped.name, folder=working_directory()))
