"""Purge by plan: review, reason, then part by part.

Called by the operations.
"""

from __future__ import annotations

from console.verbs.apply import ACTOR
from console.verbs.questions import Notices, Plan, Questions, Report
from console.verbs.selection import Selection, names_of
from core.control.api import ControlAPI, Purge
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.commands.work import Effect
from core.model.purges import PurgeView, PurgeWhat
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.render.purge_texts import purge_text

MOST = 10_000
"""Rows that one purge of the console takes: their ids are frozen when the plan is made."""
_PAGE = 500
_LISTED = 20
"""What stays, listed one by one."""
_GONE = SafeText("nothing of this comes back; one event stays of each")
_EMPTIED = SafeText("what they wrote does not come back; rows and history stay")


async def purge(control: ControlAPI, chosen: Selection, *, questions: Questions, notices: Notices) -> bool:
    """Plan, ask for a review and a reason, then purge what was planned; return whether anything went."""
    of = _noun(chosen)
    what = await _what(chosen, of, questions)
    if what is None:
        return False
    ids = await _ids(control, chosen)
    if len(ids) > MOST:
        told = f"these are more than {MOST:,}: narrow the filter, or use `taskdeck purge {what} --where ...`"
        notices.warn(safe_line(told))
        return False
    request = Purge(what=what, actor=ACTOR)
    planned = await _all(control, replace(request, effect=Effect.NONE), ids, of=of)
    title = f"purge {purge_text(what, planned)}"
    if not (planned.jobs or planned.tasks):
        await _say_none(planned, questions, notices)
        return False
    reason = await questions.plan(Plan(title=title, lines=_plan_lines(what, planned)))
    if reason is None:
        return False
    done = await _all(control, replace(request, reason=reason), ids, of=of)
    told = f"purged {purge_text(what, done)}" + (f"; {len(done.refused):,} stay" if done.refused else "")
    show = notices.warn if done.refused else notices.inform
    show(safe_line(told))
    return bool(done.jobs or done.tasks)


def _noun(chosen: Selection) -> Noun:
    target = chosen.target
    if target.filter is not None:
        return target.filter.noun
    return Noun.TASKS if target.job_id is None else Noun.JOBS


async def _what(chosen: Selection, of: Noun, questions: Questions) -> PurgeWhat | None:
    """Ask what goes: of jobs all, of loose tasks all, or of either what they wrote."""
    rows, key = ("jobs", "j") if of is Noun.JOBS else ("loose tasks", "t")
    question = f"Purge {chosen.label}: [{key}] {rows} with history and outputs  [o] outputs alone?"
    match await questions.choose(safe_line(question), {key: "all", "o": "outputs"}):
        case "all":
            return PurgeWhat.JOBS if of is Noun.JOBS else PurgeWhat.TASKS
        case "outputs":
            return PurgeWhat.OUTPUTS
        case _:
            return None


async def _ids(control: ControlAPI, chosen: Selection) -> tuple[int, ...]:
    """Return the ids of what is chosen, at most one more than `MOST`; a filter is read once."""
    target = chosen.target
    if target.filter is None:
        return tuple(name for one in chosen.targets for name in names_of(one) if isinstance(name, int))
    where, found, after = target.filter, list[int](), None
    while len(found) <= MOST:
        page = (
            await control.jobs(where, after=after, limit=_PAGE)
            if where.noun is Noun.JOBS
            else await control.tasks(where, after=after, limit=_PAGE)
        )
        found += [row.id for row in page.rows if row.id not in target.excluding]
        after = page.next
        if after is None:
            break
    return tuple(found)


async def _all(control: ControlAPI, request: Purge, ids: tuple[int, ...], *, of: Noun) -> PurgeView:
    """Ask part by part, for the outputs of jobs by their tasks."""
    total = PurgeView()
    for first in range(0, len(ids), _PAGE):
        named = ids[first : first + _PAGE]
        if request.what is PurgeWhat.OUTPUTS and of is Noun.JOBS:
            tasks = Filter(noun=Noun.TASKS, terms=(In(field="job", values=named),))
            part_of = replace(request, where=tasks)
        else:
            part_of = replace(request, ids=named)
        after: int | None = 0
        while after is not None:
            part = await control.upkeep.purge(replace(part_of, after=after))
            total = PurgeView(
                jobs=total.jobs + part.jobs,
                tasks=total.tasks + part.tasks,
                bytes=total.bytes + part.bytes,
                refused=(*total.refused, *part.refused),
            )
            after = part.next
    return total


def _plan_lines(what: PurgeWhat, planned: PurgeView) -> tuple[SafeText, ...]:
    return (
        safe_line(f"removes     {purge_text(what, planned)}"),
        _EMPTIED if what is PurgeWhat.OUTPUTS else _GONE,
        *_staying(planned),
    )


def _staying(total: PurgeView) -> tuple[SafeText, ...]:
    told = [safe_line(f"stays       {one.id}: {one.reason} ({one.hint})") for one in total.refused[:_LISTED]]
    more = len(total.refused) - _LISTED
    return (*told, *([SafeText(f"stays       {more:,} more")] if more > 0 else ()))


async def _say_none(planned: PurgeView, questions: Questions, notices: Notices) -> None:
    if not planned.refused:
        notices.inform(SafeText("nothing here to purge"))
    elif len(planned.refused) == 1:
        (one,) = planned.refused
        notices.inform(safe_line(f"{one.id} stays: {one.reason} ({one.hint})"))
    else:
        title = f"nothing is purged: {len(planned.refused):,} stay"
        await questions.report(Report(title=title, lines=_staying(planned)))
