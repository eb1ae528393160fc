"""Kill by plan: candidates, review, and a second check of each.

Called by the operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.verbs.apply import Order, Refusal, Tally, apply, summary
from console.verbs.kill_candidates import CandidateList, CandidateSource
from console.verbs.questions import Notices, Plan, Questions, Report
from core.control.api import ControlAPI, Target
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class KillPlan:
    """The candidates as they were when the plan was made."""

    source: CandidateSource
    found: CandidateList

    @property
    def number(self) -> int:
        return len(self.found.candidates)

    @property
    def title(self) -> str:
        return f"kill {self.number:,} {self.source.noun}{'' if self.number == 1 else 's'}"

    @property
    def lines(self) -> tuple[SafeText, ...]:
        """A line for each candidate, and one for what is left alone."""
        each = (safe_line(f"task {one.task_id}: {one.description}") for one in self.found.candidates)
        return (*self.found.head, *each, *self.found.left_alone)


async def kill(
    control: ControlAPI,
    targets: Sequence[Target],
    *,
    source: CandidateSource,
    questions: Questions,
    notices: Notices,
) -> bool:
    """Plan, ask for a review, apply; targets that failed are planned again if the operator wants that.

    Return whether anything was changed.
    """
    reason, has_changed = "", False
    while targets:
        plan = await plan_kill(control, source, targets)
        if not plan.number:
            notices.inform(SafeText(source.none))
            break
        answer = await questions.plan(Plan(title=plan.title, lines=plan.lines, reason=reason))
        if answer is None:
            break
        reason = answer
        tally = await carry_out(control, plan, reason=reason)
        has_changed = has_changed or tally.changed > 0
        show = notices.warn if tally.refused else notices.inform
        show(safe_line(f"{plan.title}: {summary(tally)}"))
        if not tally.refused or not await questions.report(_report(plan, tally)):
            break
        targets = tuple(refusal.target for refusal in tally.refused)
    return has_changed


async def plan_kill(control: ControlAPI, source: CandidateSource, targets: Sequence[Target]) -> KillPlan:
    """Find the candidates; changes nothing."""
    return KillPlan(source=source, found=await source.find(control, targets))


async def carry_out(control: ControlAPI, plan: KillPlan, *, reason: str) -> Tally:
    """Kill the candidates that have not changed since they were planned; the others are refused."""
    planned = Target(task_ids=tuple(one.task_id for one in plan.found.candidates))
    now = {one.task_id: one for one in (await plan.source.find(control, (planned,))).candidates}
    same = tuple(one.task_id for one in plan.found.candidates if one.covers(now.get(one.task_id)))
    total = Tally()
    if same:
        total = await apply(
            control, Order(verb=plan.source.verb, targets=(Target(task_ids=same),), reason=reason)
        )
    left = (number for number in planned.task_ids or () if number not in same)
    return total + Tally(refused=tuple(_left_alone(plan, number, is_there=number in now) for number in left))


def _left_alone(plan: KillPlan, number: int, *, is_there: bool) -> Refusal:
    target = Target(task_ids=(number,))
    if is_there:
        hint = "plan it once more, as it is now"
        return Refusal(target=target, reason=plan.source.changed, code="plan.changed", hint=hint)
    return Refusal(target=target, reason=plan.source.gone, code="plan.gone", hint="nothing is left to kill")


def _report(plan: KillPlan, tally: Tally) -> Report:
    title = f"{plan.title}: {tally.changed:,} changed, {len(tally.refused):,} refused"
    return Report(title=title, lines=tuple(refusal.line for refusal in tally.refused), can_retry=True)
