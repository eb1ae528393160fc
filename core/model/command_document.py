"""A command as a document of one task.

Used where a schedule submits a command.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def document_of_command(words: Sequence[str], *, name: str) -> str:
    """Return the text of a workflow that runs a command."""
    task = {"key": "run", "name": " ".join(words)[:200], "uses": "shell", "with": {"argv": list(words)}}
    return json.dumps({"name": name, "tasks": [task]})
