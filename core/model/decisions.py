"""What the store's writer asks the rules: pure decisions, handed in from above.

Rooms on one floor have no doors between them, so `core.store` knows these signatures and `core.rules`
fills them in (`core.rules.writer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.model.lanes import Head, Picks


class Choose(Protocol):
    """Choose at most `slots` tasks from the heads of the open lanes."""

    def __call__(self, heads: Sequence[Head], slots: int, *, now: int, aging_step: int) -> Picks: ...


class SortKey(Protocol):
    """Return where a task stands in its lane; lower is earlier."""

    def __call__(self, eligible_at: int, priority: int, *, aging_step: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterRules:
    """The decisions that the writer carries out."""

    choose: Choose
    sort_key: SortKey
