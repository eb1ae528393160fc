"""Killing: the plan for living orphans, and its application with a second look at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.applying import Order, Refusal, Tally, apply
from console.tiers import Verb
from core.control.api import ControlAPI, Target
from core.model.insight import OrphanKind, OrphanView
from core.model.text import SafeText, safe_line

_GONE = "no living orphan any more: left alone"
_OTHER = "it is another attempt or has other processes than the plan: left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillPlan:
    """The orphans as they were when the plan was made, by task id; None = there was none."""

    orphans: tuple[tuple[int, OrphanView | None], ...]

    @property
    def number(self) -> int:
        """Return how many there are to kill."""
        return sum(orphan is not None for _, orphan in self.orphans)

    @property
    def words(self) -> str:
        """Say what would be done."""
        return f"kill {self.number:,} orphan{'' if self.number == 1 else 's'}"

    @property
    def lines(self) -> tuple[SafeText, ...]:
        """Return a line for each task."""
        return tuple(
            safe_line(f"task {task_id}: {_GONE if orphan is None else _described(orphan)}")
            for task_id, orphan in self.orphans
        )


async def plan_kill(control: ControlAPI, task_ids: Sequence[int]) -> KillPlan:
    """Look at the orphans of these tasks; changes nothing."""
    living = await _living(control)
    return KillPlan(orphans=tuple((number, living.get(number)) for number in dict.fromkeys(task_ids)))


async def carry_out(control: ControlAPI, plan: KillPlan, *, reason: str) -> Tally:
    """Kill what still is as it was planned; the rest is refused."""
    now = await _living(control)
    same = tuple(
        number for number, orphan in plan.orphans if orphan is not None and _same(orphan, now.get(number))
    )
    total = Tally()
    if same:
        order = Order(verb=Verb.KILL, targets=(Target(task_ids=same),), reason=reason)
        total = await apply(control, order)
    return total + Tally(
        refused=tuple(
            Refusal(target=Target(task_ids=(number,)), reason=_OTHER if number in now else _GONE)
            for number, _ in plan.orphans
            if number not in same
        )
    )


async def _living(control: ControlAPI) -> dict[int, OrphanView]:
    found = await control.orphans()
    return {orphan.task_id: orphan for orphan in found if orphan.kind is OrphanKind.LIVING}


def _same(planned: OrphanView, now: OrphanView | None) -> bool:
    # Fewer processes than planned is fine; one that nobody has seen is not.
    return now is not None and now.epoch == planned.epoch and set(now.pids) <= set(planned.pids)


def _described(orphan: OrphanView) -> str:
    processes = ", ".join(
        f"{pid} {command}" for pid, command in zip(orphan.pids, orphan.commands, strict=False)
    )
    return f"{orphan.key} of job {orphan.job_id}, attempt {orphan.epoch}: {processes or orphan.reason}"
