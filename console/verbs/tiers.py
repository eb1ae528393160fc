"""Tiers: how strongly a verb is confirmed, and the question's text.

Used by the operations and the dialogs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from console.verbs.selection import Selection
from core.control.api import Target
from core.filters.terms import Filter
from core.filters.unparser import unparse
from core.model.counts import Preview
from core.model.records import replace
from core.model.text import SafeText, safe_line

BOUNDED = 20
"""Targets up to which one key says yes; for more their count is typed."""
REVERSIBLE = 2_000
"""Targets up to which a hold or pause does not ask: as many as can be undone."""


class Verb(StrEnum):
    """What can be done to jobs, tasks and queues."""

    RETRY = "retry"
    FORCE_RETRY = "retry past the limit"
    """Run again what was retried as often as it may be."""
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    HOLD = "hold"
    UNHOLD = "unhold"
    FAIL = "fail"
    """Fail held tasks."""
    KEEP = "keep"
    """Keep watching living orphans."""
    KILL = "kill"
    """End what runs at once."""
    KILL_ORPHAN = "kill orphan"
    """End the processes of living orphans."""


INVERSE = {
    Verb.PAUSE: Verb.RESUME,
    Verb.RESUME: Verb.PAUSE,
    Verb.HOLD: Verb.UNHOLD,
    Verb.UNHOLD: Verb.HOLD,
}
"""The verbs that can be undone, and by which."""


class Tier(IntEnum):
    """How much a verb asks before it acts."""

    AT_ONCE = 0
    """Nothing: the change can be undone."""
    ASK = 1
    """One key."""
    TYPE = 2
    """The count is typed."""
    PLAN = 3
    """A plan is read, a reason is given, and each target is checked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A selection, counted and frozen: later changes do not change it."""

    targets: tuple[Target, ...]
    name: str
    """Its name in questions; several targets are named by their number."""
    number: int
    by_status: Mapping[str, int] = field(default_factory=dict)
    first: tuple[int, ...] = ()
    """The lowest ids, at most five."""

    @property
    def frozen(self) -> Target | None:
        """Return the target that is a predicate, if there is one."""
        return next((target for target in self.targets if target.filter is not None), None)


def tier_of(verb: Verb, number: int, *, bounded: int = BOUNDED) -> Tier:
    """Decide how much a verb asks on so many targets; `bounded` is 0 where every change asks for more."""
    if verb in (Verb.KILL, Verb.KILL_ORPHAN):
        return Tier.PLAN
    if not bounded:
        return Tier.TYPE
    if verb in INVERSE or verb is Verb.KEEP:
        return Tier.AT_ONCE if number <= REVERSIBLE else Tier.TYPE
    return Tier.ASK if number <= bounded else Tier.TYPE


def scope_of(chosen: Selection) -> Scope:
    """Count a selection of keys; a predicate has to be counted by a preview."""
    tasks = {number for target in chosen.targets for number in target.task_ids or ()}
    jobs = {target.job_id for target in chosen.targets if target.job_id is not None}
    queues = {target.queue for target in chosen.targets if target.queue is not None}
    kinds = {"task": len(tasks), "job": len(jobs), "queue": len(queues)}
    number = sum(kinds.values())
    counted = " and ".join(_counted(many, noun) for noun, many in kinds.items() if many)
    return Scope(
        targets=chosen.targets,
        name=chosen.label if number == 1 else counted,
        number=number,
        first=tuple(sorted(tasks or jobs)[:5]),
    )


def frozen_scope(target: Target, preview: Preview) -> Scope:
    """Freeze a predicate as of the event of its preview; its number is the preview's."""
    return Scope(
        targets=(replace(target, as_of=preview.as_of),),
        name=_counted(preview.number, "task"),
        number=preview.number,
        by_status=preview.by_status,
        first=preview.first,
    )


def question(verb: Verb, scope: Scope, foretold: str = "") -> SafeText:
    """Ask for one key, with what is known of the end."""
    known = f" ({foretold})" if foretold else ""
    return safe_line(f"{verb.capitalize()} {scope.name}{known}? [y/N]")


def facts_of(scope: Scope, since: int) -> tuple[SafeText, ...]:
    """Return lines about a count: the predicate and its event, states, ids, what matched since."""
    lines: list[str] = []
    target = scope.frozen
    if target is not None and target.filter is not None:
        lines.append(f"filter    {_predicate(target.filter)}   as of event {target.as_of or 0:,}")
    if target is not None and target.excluding:
        lines.append(f"without   {len(target.excluding):,} that were unmarked")
    if scope.by_status:
        counts = sorted(scope.by_status.items(), key=lambda item: -item[1])
        lines.append("states    " + "  ".join(f"{status} {number:,}" for status, number in counts))
    if scope.first:
        rest = " ..." if scope.number > len(scope.first) else ""
        lines.append(f"first     {' '.join(map(str, scope.first))}{rest}")
    if target is not None:
        lines.append(f"{since:,} more matched since: left alone" if since else "nothing has changed since")
    return tuple(map(safe_line, lines))


def meets(typed: str, number: int) -> bool:
    """Whether the typed text is exactly the count."""
    return typed == str(number)


def _predicate(where: Filter) -> str:
    return unparse(replace(where, sort=None)) or f"all {where.noun}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
