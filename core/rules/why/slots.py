"""Decide what queued tasks wait for: slots, their turn.

Called where a task has no other reason to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from core.model.lanes import Head, Room
from core.model.limits.capacity_facts import PoolFacts
from core.model.records import replace
from core.model.values import JsonObject
from core.model.waits import EngineFacts, Place, Reason, TaskFacts, WaitCode
from core.rules.lanes import choose
from core.rules.why.capacity import Capacity
from core.rules.why.gauges import holder_numbers, holders_text

_MINUTE_MS = 60_000


def slot_reason(task: TaskFacts, engine: EngineFacts, capacity: Capacity) -> Reason:
    """Return that a task waits for its turn: its place in the order, who has the slots, and about when."""
    place = task.place
    pools = capacity.open_pools_of(task.queue, task.prefer)
    is_free = _is_free(engine, pools)
    is_next = is_free and place is not None and not place.ahead and not place.at_least
    names = [pool.name for pool in pools]
    return Reason(
        code=WaitCode.SLOTS,
        short="a slot",
        text=(
            f"{_free(names)}, it is next: it can start this moment"
            if is_next
            else _slots(engine, pools, is_free=is_free) + ("" if place is None else _order(place))
        ),
        ends=f"its turn; 'taskdeck priority' moves it, {_more(names)}",
        since=task.queued_at,
        until=None if place is None or is_next else place.starts_at,
        numbers=_numbers(place, names),
    )


def by_pace(place: Place, *, per_minute: float, now: int) -> Place:
    """Add when its turn comes if tasks go on ending at this pace; 0 = nothing ended lately."""
    if place.at_least or per_minute <= 0:
        return place
    starts_at = now + int((place.ahead + 1) / per_minute * _MINUTE_MS)
    return replace(place, starts_at=starts_at, is_by_pace=True)


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


def _is_free(engine: EngineFacts, pools: Sequence[PoolFacts]) -> bool:
    if engine.running >= engine.slots:
        return False
    return not pools or any(pool.taken < pool.slots for pool in pools)


def _slots(engine: EngineFacts, pools: Sequence[PoolFacts], *, is_free: bool) -> str:
    names = [pool.name for pool in pools]
    if is_free:
        return _free(names)
    slots = sum(pool.slots for pool in pools) if pools else engine.slots
    if not slots:
        return _without_slots(names)
    if pools and sum(pool.taken for pool in pools) < slots:
        return f"all {engine.slots:,} slots of the engine are taken"
    return (
        f"the one slot{_of_pools(names)} is taken"
        if slots == 1
        else f"all {slots:,} slots{_of_pools(names)} are taken"
    )


def _free(names: Sequence[str]) -> str:
    return f"a slot{_of_pools(names)} is free"


def _without_slots(names: Sequence[str]) -> str:
    if not names:
        return "the engine has no slots"
    return (
        f"pool {names[0]} has no slots" if len(names) == 1 else f"pools {' and '.join(names)} have no slots"
    )


def _of_pools(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" of pool {names[0]}" if len(names) == 1 else f" of pools {' and '.join(names)}"


def _more(names: Sequence[str]) -> str:
    if not names:
        return "'taskdeck serve --slots N' adds slots"
    return f"'taskdeck pools resize {names[0]} N' adds slots"


def _order(place: Place) -> str:
    if not place.ahead and not place.at_least:
        order = "; it is next"
    else:
        least = "at least " if place.at_least else ""
        word = "task comes" if place.ahead == 1 and not place.at_least else "tasks come"
        order = f"; {least}{place.ahead:,} {word} before it"
    how = "the pace of the last minutes" if place.is_by_pace else "how long these tasks usually take"
    about = f" (predicted from {how})" if place.starts_at is not None else ""
    longest = f"; running longest: {holders_text(place.holders)}" if place.holders else ""
    return order + about + longest


def _numbers(place: Place | None, pools: Sequence[str]) -> JsonObject:
    numbers: JsonObject = {"pools": [*pools]} if pools else {}
    if place is not None:
        numbers["ahead"] = place.ahead
        numbers["at_least"] = place.at_least
        numbers["holders"] = holder_numbers(place.holders)
    return numbers
