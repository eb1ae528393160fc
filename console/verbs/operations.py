"""Operations: every change: count, confirm by tier, apply, report.

Made by the app; called by the screens through the desk.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from console.verbs.apply import (
    ACTOR,
    SHOWN,
    Order,
    Tally,
    apply,
    movable,
    name_of,
    only,
    retried_often,
    summary,
    with_forced,
)
from console.verbs.kill import kill
from console.verbs.kill_candidates import KILL_SOURCES
from console.verbs.purge import purge
from console.verbs.questions import CountQuestion, Notices, Questions, Report
from console.verbs.rehearsal import effect_lines, in_short, rehearse
from console.verbs.selection import Selection
from console.verbs.tiers import (
    BOUNDED,
    INVERSE,
    REVERSIBLE,
    Scope,
    Tier,
    Verb,
    frozen_scope,
    question,
    scope_of,
    tier_of,
)
from core.control.api import Acknowledge, ControlAPI, Request, Target, Unacknowledge
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.commands.work import Operated
from core.model.errors import TaskdeckError
from core.model.failures import FamilyView
from core.model.records import replace
from core.model.text import SafeText, safe_line

UNDO_SECONDS = 10.0
"""How long a pause or hold can be undone."""
_HELD = "held"
_COUNTABLE = 1_000
"""Listed targets up to which their states are counted for a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undo:
    until: float
    title: str
    label: str
    """The name of its targets."""
    order: Order | None = None
    """None = a request undoes it."""
    request: Request[Operated] | None = None


class Operations:
    """The verbs; each returns after its result is shown, and whether anything was changed.

    Every question holds the number that the control gives for exactly what would be changed. `bounded`
    returns how many targets one key may confirm now; 0 = every change asks for its count.
    """

    def __init__(
        self,
        control: ControlAPI,
        *,
        questions: Questions,
        notices: Notices,
        bounded: Callable[[], int] = lambda: BOUNDED,
    ) -> None:
        self._control = control
        self._questions = questions
        self._notices = notices
        self._bounded = bounded
        self._undo: _Undo | None = None
        self._last: Verb | None = None

    async def retry(self, chosen: Selection) -> bool:
        """Run again."""
        return await self._do(Verb.RETRY, chosen)

    async def cancel(self, chosen: Selection) -> bool:
        return await self._do(Verb.CANCEL, chosen)

    async def pause(self, chosen: Selection) -> bool:
        """Pause, or resume what is paused."""
        return await self._do(Verb.RESUME if chosen.is_paused else Verb.PAUSE, chosen)

    async def hold(self, chosen: Selection) -> bool:
        """Hold, or release what is held; all that match a filter is held unless all of it is."""
        is_held = chosen.is_paused or await self._is_all_held(chosen.target)
        return await self._do(Verb.UNHOLD if is_held else Verb.HOLD, chosen)

    async def fail(self, chosen: Selection) -> bool:
        """Fail held tasks."""
        return await self._do(Verb.FAIL, chosen)

    async def keep(self, chosen: Selection) -> bool:
        """Keep watching living orphans."""
        return await self._do(Verb.KEEP, chosen)

    async def kill(self, chosen: Selection) -> bool:
        """Plan, review, then end what runs at once."""
        return await self._do(Verb.KILL, chosen)

    async def purge(self, chosen: Selection) -> bool:
        """Plan, review, then remove what has ended, or what it wrote."""
        try:
            return await purge(self._control, chosen, questions=self._questions, notices=self._notices)
        except TaskdeckError as error:
            self._refuse(f"purge {chosen.label}", error)
            return False

    async def kill_orphan(self, chosen: Selection) -> bool:
        """Plan, review, then end the processes of living orphans."""
        return await self._do(Verb.KILL_ORPHAN, chosen)

    async def acknowledge(self, family: FamilyView, *, for_ms: int | None) -> None:
        """Let a failure family be known for a time (ms), or (None) until it returns; it can be undone."""
        name = family.pattern or family.code
        title = f"acknowledge {name}"
        if not await self.confirm_change("acknowledge", name):
            return
        request = Acknowledge(families=(family.id,), for_ms=for_ms, actor=ACTOR)
        await self.change(title, request, inverse=Unacknowledge(families=(family.id,), actor=ACTOR))

    async def unacknowledge(self, family: FamilyView) -> None:
        """Let a failure family count as news again."""
        name = family.pattern or family.code
        if await self.confirm_change("take back that is known", name):
            await self.change(
                f"no longer acknowledged: {name}", Unacknowledge(families=(family.id,), actor=ACTOR)
            )

    async def change(
        self, title: str, request: Request[Operated], *, inverse: Request[Operated] | None = None
    ) -> bool:
        """Ask for a change that was confirmed, and tell its title; `inverse` undoes it for a while.

        Return whether it was accepted.
        """
        try:
            await self._control.ask(request)
        except TaskdeckError as error:
            self._refuse(title, error)
            return False
        if inverse is None:
            self._notices.inform(safe_line(title))
        else:
            self._notices.inform(safe_line(f"{title}: z undoes it"), seconds=UNDO_SECONDS)
            until = time.monotonic() + UNDO_SECONDS
            self._undo = _Undo(until=until, title=title, label=title, request=inverse)
        return True

    async def repeat(self, chosen: Selection) -> bool:
        """Do the last verb again, on the present selection; a pause stays a pause."""
        if self._last is None:
            self._notices.inform(SafeText("nothing to repeat"))
            return False
        return await self._do(self._last, chosen)

    async def undo(self) -> None:
        """Undo the last reversible verb, if it is not too long ago."""
        undo, self._undo = self._undo, None
        if undo is None or time.monotonic() > undo.until:
            self._notices.inform(SafeText("nothing to undo"))
            return
        title, order = f"undo: {undo.title}", undo.order
        if undo.request is not None:
            await self.change(title, undo.request)
        if order is None:
            return
        chosen = Selection(target=order.targets[0], label=undo.label, more=order.targets[1:])
        try:
            if await self._confirmed(order.verb, scope_of(chosen)):
                await self._show_result(title, await apply(self._control, order))
        except TaskdeckError as error:
            self._refuse(title, error)

    @property
    def asks_little(self) -> bool:
        """Whether one key confirms a change of one thing; else its count is typed."""
        return bool(self._bounded())

    async def confirm_change(self, verb: str, subject: str) -> bool:
        """Ask before a change of another kind, where even one target has to be confirmed by its count."""
        if self.asks_little:
            return True
        scope = Scope(targets=(), name=subject, number=1)
        return await self._questions.count(CountQuestion(verb=verb, scope=scope))

    async def _do(self, verb: Verb, chosen: Selection) -> bool:
        self._last = verb
        title = f"{verb} {chosen.label}"
        try:
            scope = await self._scope(chosen)
            title = f"{verb} {scope.name}"
            if not scope.number:
                self._notices.inform(safe_line(f"{title}: nothing matches"))
            elif verb in KILL_SOURCES:
                return await kill(
                    self._control,
                    scope.targets,
                    source=KILL_SOURCES[verb],
                    questions=self._questions,
                    notices=self._notices,
                )
            elif await self._confirmed(verb, scope):
                return bool((await self._carry_out(verb, scope)).changed)
        except TaskdeckError as error:
            self._refuse(title, error)
        return False

    async def _is_all_held(self, target: Target) -> bool:
        if target.filter is None:
            return False
        try:
            preview = await self._control.preview(
                target.filter, as_of=target.as_of, excluding=target.excluding
            )
        except TaskdeckError:
            # The verb itself will say so.
            return False
        return set(preview.by_status) == {_HELD}

    async def _scope(self, chosen: Selection) -> Scope:
        target = chosen.target
        if target.filter is None:
            return scope_of(chosen)
        preview = await self._control.preview(target.filter, as_of=target.as_of, excluding=target.excluding)
        return frozen_scope(target, preview)

    async def _confirmed(self, verb: Verb, scope: Scope) -> bool:
        tier = tier_of(verb, scope.number, bounded=self._bounded())
        match tier:
            case Tier.AT_ONCE:
                return True
            case Tier.ASK:
                known = in_short(await rehearse(self._control, verb, scope), number=scope.number)
                return await self._questions.confirm(question(verb, scope, known))
            case Tier.TYPE:
                target = scope.frozen
                since = None if target is None else partial(self._matched_since, target)
                counted = (
                    scope
                    if scope.by_status
                    else replace(scope, by_status=await self._counts_by_status(scope))
                )
                counting = partial(self._effect, verb, scope)
                return await self._questions.count(
                    CountQuestion(verb=verb, scope=counted, since=since, counting=counting)
                )
            case Tier.PLAN:
                return False
            case _:
                assert_never(tier)

    async def _effect(self, verb: Verb, scope: Scope) -> tuple[SafeText, ...]:
        return effect_lines(await rehearse(self._control, verb, scope))

    async def _carry_out(self, verb: Verb, scope: Scope) -> Tally:
        title = f"{verb} {scope.name}"
        target = scope.frozen
        undoable = verb in INVERSE and scope.number <= REVERSIBLE
        # The inverse must spare what was held before, and what the predicate left alone.
        tasks = None if target is None or not undoable else await movable(self._control, verb, target)
        tally = await apply(self._control, Order(verb=verb, targets=scope.targets))
        if verb is Verb.RETRY:
            tally = await self._retry_past_limit(tally)
        if tasks is not None:
            tally = only(tally, tasks)
        if undoable and tally.moved:
            order = Order(verb=INVERSE[verb], targets=tally.moved)
            until = time.monotonic() + UNDO_SECONDS
            self._undo = _Undo(until=until, title=title, label=scope.name, order=order)
            await self._offer_undo(title, tally)
        else:
            await self._show_result(title, tally)
        return tally

    async def _retry_past_limit(self, tally: Tally) -> Tally:
        """Offer to retry what was retried as often as it may be; return what both changed."""
        often = retried_often(tally)
        if not often:
            return tally
        target = Target(task_ids=often)
        scope = scope_of(Selection(target=target, label=name_of(target).rstrip(":")))
        if not await self._confirmed(Verb.FORCE_RETRY, scope):
            return tally
        order = Order(verb=Verb.FORCE_RETRY, targets=scope.targets)
        return with_forced(tally, await apply(self._control, order))

    async def _matched_since(self, target: Target) -> int:
        if target.filter is None:
            return 0
        preview = await self._control.preview(target.filter, as_of=target.as_of, excluding=target.excluding)
        return preview.since

    async def _counts_by_status(self, scope: Scope) -> Mapping[str, int]:
        tasks = tuple(number for target in scope.targets for number in target.task_ids or ())
        jobs = tuple(target.job_id for target in scope.targets if target.job_id is not None)
        if scope.number > _COUNTABLE:
            return {}
        if tasks and not jobs:
            where = Filter(noun=Noun.TASKS, terms=(In(field="id", values=tasks),))
            return (await self._control.preview(where)).by_status
        if jobs and not tasks:
            where = Filter(noun=Noun.JOBS, terms=(In(field="id", values=jobs),))
            page = await self._control.jobs(where, limit=_COUNTABLE)
            return Counter(job.status for job in page.rows)
        return {}

    async def _show_result(self, title: str, tally: Tally) -> None:
        show = self._notices.warn if tally.refused else self._notices.inform
        show(safe_line(f"{title}: {summary(tally)}"))
        await self._list_refusals(title, tally)

    async def _offer_undo(self, title: str, tally: Tally) -> None:
        show = self._notices.warn if tally.refused else self._notices.inform
        show(safe_line(f"{title}: {summary(tally)}; z undoes it"), seconds=UNDO_SECONDS)
        await self._list_refusals(title, tally)

    async def _list_refusals(self, title: str, tally: Tally) -> None:
        if len(tally.refused) > SHOWN:
            await self._questions.report(_report(title, tally))

    def _refuse(self, title: str, error: TaskdeckError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self._notices.warn(safe_line(f"{title}: {error.message}{hint}"))


def _report(title: str, tally: Tally) -> Report:
    heading = f"{title}: {tally.changed:,} changed, {len(tally.refused):,} refused"
    return Report(title=heading, lines=tuple(refusal.line for refusal in tally.refused))
