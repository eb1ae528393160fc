"""Limits that are made of something else, and where that is changed.

Used by the store, which refuses to change such a limit by itself.
"""

from __future__ import annotations

from core.model.errors import Conflict, NotFound, TaskdeckError
from core.model.text import safe_line
from core.model.values import JsonValue

_MARK = ":"
"""No name that is configured has one."""
_WAYS = {
    "backend": ("a backend", "'taskdeck backends open {of}' and 'close {of}' shut and open it"),
    "http": (
        "the hosts of http calls",
        "'taskdeck backends' lists them; 'open HOST' and 'close HOST' change one",
    ),
    "retry": ("the retries of a backend", "change `retry_share` in [backends.{of}] of config.toml"),
    "pool": ("a pool", "'taskdeck pools resize {of} 4' gives it another number of slots"),
    "queue": ("a queue", "'taskdeck queues' lists them; [limits.NAME] with on = {{queue = ...}} limits one"),
    "host": ("a host", "'taskdeck backends' lists them; [limits.NAME] with on = {{host = ...}} limits one"),
    "limit": ("a limit", "name it without the word: taskdeck limits set {of} ..."),
    "budget": ("a budget", "name it without the word: taskdeck budgets set {of} ..."),
}
"""What stands before the mark: what such a name is of, and where that is changed."""


def is_own(name: str) -> bool:
    """Return whether a limit of this name is one that was configured."""
    return _MARK not in name


def refusal_of(name: str, *, is_known: bool) -> TaskdeckError | None:
    """Return why a limit is not changed by its name; None = it is one that can be configured."""
    word, mark, of = name.partition(_MARK)
    if not mark or (word not in _WAYS and not is_known):
        return None
    shown = safe_line(name)
    what, way = _WAYS.get(word, ("what is configured elsewhere", "'taskdeck config show' prints it"))
    hint = way.format(of=safe_line(of))
    facts: dict[str, JsonValue] = {"limit": shown}
    if is_known:
        text = f"`{shown}` is made of {what}: it has no maximum of its own that could be set"
        return Conflict("limit.derived", text, hint=hint, facts=facts)
    return NotFound(
        "limit.unknown", f"`{shown}` is not a limit or budget, but names {what}", hint=hint, facts=facts
    )
