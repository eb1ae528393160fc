"""The console's keys as its page shows them, from the key table."""

from __future__ import annotations

from collections.abc import Iterator

from console.key_table import KEYS

PARTS = {
    "everywhere": ("app",),
    "lists": ("table", "list", "rows", "marks", "times"),
    "verbs": ("retry", "again", "cancel", "kill", "purge", "pause", "hold", "acknowledge"),
    "details": ("logs", "events", "why", "unfold", "artifacts", "artifact_rows", "drawn", "bundle"),
    "Pulse, Retries, Failures, Orphans": ("pulse", "preset", "families", "task_by_task", "orphans"),
    "texts and logs": ("view", "text", "log", "found"),
    "graph, timeline and runs": ("node", "graph", "bars", "runs", "choose_run"),
    "schedules": ("schedules", "fires"),
    "people": ("items",),
    "budgets, pools and limits": ("budgets", "gauges", "entries", "money", "pools"),
    "health and notices": ("health", "notices"),
    "an earlier time": ("past",),
    "history of a job": ("job_history", "history", "job_at", "compare"),
}
"""The parts of the key table under the headings of the page."""


def key_table() -> str:
    """Return a heading and a Markdown table for each group of keys."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for title, parts in PARTS.items():
        yield f"\n**{title[0].upper()}{title[1:]}**\n\n| key | what it does |\n|---|---|"
        for key in (key for part in parts for key in KEYS[part]):
            yield f"| `{_cell(key.shown)}` | {_cell(key.description)} |"


def _cell(text: str) -> str:
    # In a cell of Markdown a bar ends it and a backtick ends the code.
    return text.replace("|", "\\|").replace("`", "backtick")
