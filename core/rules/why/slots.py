"""Decide what queued tasks wait for: slots, their turn.

Called where a task has no other reason to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from core.model.lanes import Head, Room
from core.model.records import replace
from core.model.waits import EngineFacts, Place, Reason, TaskFacts, WaitCode
from core.rules.lanes import choose

HOLDERS = 3
"""Tasks with a slot that a sentence names."""
_MINUTE_MS = 60_000


def slot_reason(task: TaskFacts, engine: EngineFacts) -> Reason:
    """Return that a task waits for its turn: its place in the order, who has the slots, and about when."""
    place = task.place
    return Reason(
        code=WaitCode.SLOTS,
        short="a slot",
        text=_slots(engine) + ("" if place is None else _order(place) + _holders(place)),
        ends="its turn; 'taskdeck priority' moves it, 'taskdeck serve --slots N' adds slots",
        since=task.queued_at,
        until=None if place is None else place.starts_at,
    )


def predicted(place: Place, *, per_minute: float, now: int) -> Place:
    """Add when its turn comes if tasks go on ending at this pace (all queues); 0 = nothing ended lately."""
    if place.at_least or per_minute <= 0:
        return place
    return replace(place, starts_at=now + int((place.ahead + 1) / per_minute * _MINUTE_MS))


def place_in_order(
    task_id: int, lanes: Sequence[Sequence[Head]], *, limit: int, now: int, aging_step: int
) -> Place:
    """Return how many tasks are claimed before one if nothing changes.

    `lanes` hold the first tasks of each open lane, in order, at most `limit`. Where one of so many runs out
    before the turn of the task has come, what is behind its last is not known, and the number is the least.
    """
    behind = {(a.lane_id, a.task_id): b for lane in lanes for a, b in pairwise(lane)}
    picks = choose(
        [lane[0] for lane in lanes if lane],
        sum(map(len, lanes)),
        now=now,
        aging_step=aging_step,
        room=Room(further=lambda head: behind.get((head.lane_id, head.task_id))),
    )
    order = list(picks.task_ids)
    if task_id not in order:
        return Place(ahead=0, at_least=True)
    ahead = order.index(task_id)
    before = set(order[:ahead])
    is_cut = any(len(lane) >= limit and lane[-1].task_id in before for lane in lanes)
    return Place(ahead=ahead, at_least=is_cut)


def _slots(engine: EngineFacts) -> str:
    if engine.running < engine.slots:
        return "a slot is free"
    return "the one slot is taken" if engine.slots == 1 else f"all {engine.slots:,} slots are taken"


def _order(place: Place) -> str:
    if not place.ahead:
        return "; it is next"
    least = "at least " if place.at_least else ""
    word = "task comes" if place.ahead == 1 and not place.at_least else "tasks come"
    about = " (predicted from the pace of the last minutes)" if place.starts_at else ""
    return f"; {least}{place.ahead:,} {word} before it{about}"


def _holders(place: Place) -> str:
    if not place.holders:
        return ""
    named = ", ".join(f"{holder.key} (task {holder.task_id})" for holder in place.holders[:HOLDERS])
    more = len(place.holders) - HOLDERS
    return f"; running longest: {named}" + (f" and {more} more" if more > 0 else "")
