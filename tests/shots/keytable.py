"""The keys of the console as the README shows them, printed from the key table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from console.keymap import KEYS

PARTS = {
    "everywhere": ("app",),
    "lists": ("table", "list", "rows", "marks", "times"),
    "verbs": ("retry", "again", "cancel", "kill", "pause", "hold"),
    "looking closer": ("logs", "events", "drawn"),
    "Pulse, Retries, Orphans": ("pulse", "preset", "orphans"),
    "texts and logs": ("view", "text", "log"),
    "graph": ("node", "graph"),
}
"""The parts of the key table under the words of the README."""
_MARKED = re.compile(r"(<!-- keys -->\n).*?(<!-- /keys -->)", re.DOTALL)


def printed(readme: str) -> str:
    """Return the README with its table of keys as the key table has it now."""
    return _MARKED.sub(lambda found: found[1] + "\n".join(_lines()) + "\n" + found[2], readme)


def _lines() -> Iterator[str]:
    yield "| where | keys |"
    yield "|---|---|"
    for title, parts in PARTS.items():
        keys = [f"`{_cell(key.shown)}` {_cell(key.words)}" for part in parts for key in KEYS[part]]
        yield f"| {title} | {' · '.join(keys)} |"


def _cell(text: str) -> str:
    # In a cell of Markdown a bar ends it and a backtick ends the code.
    return text.replace("|", "\\|").replace("`", "backtick")
