"""Killing: a plan, its review, and its application with a second look at each victim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.verbs.apply import Order, Refusal, Tally, apply, summary
from console.verbs.kill_candidates import CandidateList, CandidateSource
from console.verbs.questions import Front, Plan, Report
from core.control.api import ControlAPI, Target
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class KillPlan:
    """Who would be killed, as a look found them."""

    prey: CandidateSource
    seen: CandidateList

    @property
    def number(self) -> int:
        """Return how many there are to kill."""
        return len(self.seen.victims)

    @property
    def words(self) -> str:
        """Say what would be done."""
        return f"kill {self.number:,} {self.prey.noun}{'' if self.number == 1 else 's'}"

    @property
    def lines(self) -> tuple[SafeText, ...]:
        """Return a line for each victim, and what is left alone."""
        victims = (safe_line(f"task {victim.task_id}: {victim.words}") for victim in self.seen.victims)
        return (*self.seen.head, *victims, *self.seen.left)


async def kill(control: ControlAPI, front: Front, prey: CandidateSource, targets: Sequence[Target]) -> None:
    """Plan, let it be reviewed, apply; those that failed are planned again if the operator wants that."""
    reason = ""
    while targets:
        plan = await plan_kill(control, prey, targets)
        if not plan.number:
            front.tell(SafeText(prey.none))
            return
        given = await front.plan(Plan(words=plan.words, lines=plan.lines, reason=reason))
        if given is None:
            return
        reason = given
        tally = await carry_out(control, plan, reason=reason)
        front.tell(safe_line(f"{plan.words}: {summary(tally)}"), bad=bool(tally.refused))
        if not tally.refused or not await front.report(_report(plan, tally)):
            return
        targets = tuple(refusal.target for refusal in tally.refused)


async def plan_kill(control: ControlAPI, prey: CandidateSource, targets: Sequence[Target]) -> KillPlan:
    """Look at what there is to kill; changes nothing."""
    return KillPlan(prey=prey, seen=await prey.look(control, targets))


async def carry_out(control: ControlAPI, plan: KillPlan, *, reason: str) -> Tally:
    """Kill what still is as it was planned; the rest is refused."""
    planned = Target(task_ids=tuple(victim.task_id for victim in plan.seen.victims))
    now = {victim.task_id: victim for victim in (await plan.prey.look(control, (planned,))).victims}
    same = tuple(one.task_id for one in plan.seen.victims if one.covers(now.get(one.task_id)))
    total = Tally()
    if same:
        total = await apply(
            control, Order(verb=plan.prey.verb, targets=(Target(task_ids=same),), reason=reason)
        )
    return total + Tally(
        refused=tuple(
            Refusal(
                target=Target(task_ids=(number,)),
                reason=plan.prey.other if number in now else plan.prey.gone,
            )
            for number in planned.task_ids or ()
            if number not in same
        )
    )


def _report(plan: KillPlan, tally: Tally) -> Report:
    head = f"{plan.words}: {tally.changed:,} changed, {len(tally.refused):,} refused"
    return Report(words=head, lines=tuple(refusal.words for refusal in tally.refused), again=True)
