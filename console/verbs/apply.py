"""Apply a verb to its targets, and summarise the results.

Called by the operations and by kill.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import assert_never

from console.verbs.tiers import Verb
from core.control.api import ControlAPI, Target
from core.model.actors import LABEL_VARIABLE, Door, claim
from core.model.commands.work import Operated
from core.model.errors import TaskdeckError, Unavailable
from core.model.records import replace
from core.model.refusals import RETRY_LIMIT
from core.model.refusals import Refusal as TargetRefusal
from core.model.text import SafeText, safe_line
from core.model.views import TaskView

ACTOR = claim(Door.CONSOLE, os.environ.get(LABEL_VARIABLE))
"""Who the console says is asking; the engine adds the user."""
SHOWN = 3
"""Refusals that fit into a sentence; more are listed."""
_PAGE = 2_000
_HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A verb, its frozen targets, and the reason."""

    verb: Verb
    targets: tuple[Target, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A target that was not changed, and why."""

    target: Target
    reason: str
    code: str
    hint: str
    """What to do next."""

    @classmethod
    def of_error(cls, target: Target, error: TaskdeckError) -> Refusal:
        """Return that a target was refused as a whole."""
        return cls(target=target, reason=error.message, code=error.code, hint=error.hint)

    @property
    def line(self) -> SafeText:
        hint = f" ({self.hint})" if self.hint else ""
        return safe_line(f"{name_of(self.target)} {self.reason}{hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The result of an order."""

    changed: int = 0
    refused: tuple[Refusal, ...] = ()
    moved: tuple[Target, ...] = ()
    """What an inverse of the verb would act on."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            changed=self.changed + other.changed,
            refused=self.refused + other.refused,
            moved=self.moved + other.moved,
        )


async def apply(control: ControlAPI, order: Order) -> Tally:
    """Ask for every target in turn; of several, one that fails does not keep the others from theirs.

    Raises what the control raises for a single target.
    """
    if len(order.targets) == 1:
        return _tally(order.targets[0], await _ask(control, order, order.targets[0]))
    total = Tally()
    for number, target in enumerate(order.targets):
        try:
            total += _tally(target, await _ask(control, order, target))
        except Unavailable as error:
            # No engine answers: the other targets would only wait for the same.
            left = order.targets[number:]
            return total + Tally(refused=tuple(Refusal.of_error(one, error) for one in left))
        except TaskdeckError as error:
            total += Tally(refused=(Refusal.of_error(target, error),))
    return total


async def movable(control: ControlAPI, verb: Verb, target: Target) -> frozenset[int]:
    """Return the tasks of a predicate that a hold or unhold would move, for its undo."""
    tasks: list[TaskView] = []
    after: str | None = None
    # By id: in another order a list may be cut.
    where = None if target.filter is None else replace(target.filter, sort=None)
    while True:
        page = await control.tasks(where, after=after, limit=_PAGE)
        tasks += page.rows
        after = page.next
        if after is None:
            break
    others = set(target.excluding)
    wanted = (task.id for task in tasks if (task.status == _HELD) is (verb is Verb.UNHOLD))
    return frozenset(number for number in wanted if number not in others)


def only(tally: Tally, tasks: frozenset[int]) -> Tally:
    """Limit the inverse to these tasks, without those that were refused."""
    refused = {number for refusal in tally.refused for number in refusal.target.task_ids or ()}
    ids = tuple(sorted(tasks - refused))
    return replace(tally, moved=(Target(task_ids=ids),) if ids and tally.changed else ())


def retried_often(tally: Tally) -> tuple[int, ...]:
    """Return the tasks that were refused because they were retried as often as they may be."""
    often = (refusal.target for refusal in tally.refused if refusal.code == RETRY_LIMIT)
    return tuple(number for target in often for number in target.task_ids or ())


def with_forced(tally: Tally, forced: Tally) -> Tally:
    """Add what was retried past the limit to the retry that was refused it."""
    others = tuple(refusal for refusal in tally.refused if refusal.code != RETRY_LIMIT)
    return replace(tally, refused=others) + forced


def summary(tally: Tally) -> SafeText:
    """Return in one line what was changed and what was refused."""
    parts = [f"{tally.changed:,} changed"] if tally.changed or not tally.refused else []
    if tally.refused:
        reasons = "; ".join(refusal.line for refusal in tally.refused[:SHOWN])
        rest = f"; {len(tally.refused) - SHOWN:,} more" if len(tally.refused) > SHOWN else ""
        parts.append(f"{len(tally.refused):,} refused: {reasons}{rest}")
    return safe_line(", ".join(parts))


def name_of(target: Target) -> str:
    if target.job_id is not None:
        return f"job {target.job_id}:"
    if target.queue is not None:
        return f"queue {target.queue}:"
    return f"task {', '.join(map(str, target.task_ids or ()))}:"


def _tally(target: Target, operated: Operated) -> Tally:
    refused = tuple(_refusal(target, one) for one in operated.refused)
    return Tally(
        changed=operated.changed, refused=refused, moved=_moved(target, operated) if operated.changed else ()
    )


def _refusal(target: Target, refused: TargetRefusal) -> Refusal:
    of_task, reason = Target(task_ids=(refused.id,)), refused.reason
    if refused.code == RETRY_LIMIT:
        target = of_task
    elif target.job_id is not None and refused.id != target.job_id:
        reason = f"task {refused.id}: {reason}"
    elif target.task_ids is not None or target.filter is not None:
        target = of_task
    return Refusal(target=target, reason=reason, code=refused.code, hint=refused.hint)


def _moved(target: Target, operated: Operated) -> tuple[Target, ...]:
    if target.filter is not None:
        return ()
    if target.task_ids is None:
        return (target,)
    refused = {refusal.id for refusal in operated.refused}
    return (Target(task_ids=tuple(number for number in target.task_ids if number not in refused)),)


def _ask(control: ControlAPI, order: Order, target: Target) -> Awaitable[Operated]:
    match order.verb:
        case Verb.RETRY:
            return control.retry(target, reason=order.reason, actor=ACTOR)
        case Verb.FORCE_RETRY:
            return control.retry(target, force=True, reason=order.reason, actor=ACTOR)
        case Verb.CANCEL:
            return control.cancel(target, reason=order.reason, actor=ACTOR)
        case Verb.PAUSE:
            return control.pause(target, reason=order.reason, actor=ACTOR)
        case Verb.RESUME:
            return control.resume(target, reason=order.reason, actor=ACTOR)
        case Verb.HOLD:
            return control.hold(target, reason=order.reason, actor=ACTOR)
        case Verb.UNHOLD:
            return control.unhold(target, reason=order.reason, actor=ACTOR)
        case Verb.FAIL:
            return control.fail(target, reason=order.reason, actor=ACTOR)
        case Verb.KEEP:
            return control.orphans.keep(target, actor=ACTOR)
        case Verb.KILL:
            return control.kill(target, reason=order.reason, actor=ACTOR)
        case Verb.KILL_ORPHAN:
            return control.orphans.kill(target, reason=order.reason, actor=ACTOR)
        case _:
            assert_never(order.verb)
