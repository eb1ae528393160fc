"""Lanes: the heads of queued tasks, and the tasks picked from them.

Passed between the store's claim and the rule that picks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct


# Not frozen: a claim makes one for each queued task it looks at.
class Head(Struct, kw_only=True):
    """One queued task near the front of an open lane; `vtime` is the virtual time of its job."""

    lane_id: int
    task_id: int
    job_id: int
    queue: str
    sort_key: int
    vtime: int


Further: TypeAlias = Callable[[Head], Head | None]
"""Return the task behind one in its lane, or None at its end."""


class Picks(Struct, frozen=True, kw_only=True):
    """The chosen tasks in order of choice, and the new virtual times of their jobs only."""

    task_ids: tuple[int, ...] = ()
    vtimes: Mapping[int, int]
