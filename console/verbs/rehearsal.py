"""What a verb would do: what it changes, starts, spends and refuses.

Asked before a question by the operations; nothing changes.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from console.verbs.apply import ACTOR, SHOWN
from console.verbs.tiers import BOUNDED, Scope, Verb
from core.control.api import Cancel, ControlAPI, Effect, Fail, Hold, Request, Retry, Target, Unhold
from core.filters.unparser import unparse
from core.model.commands.work import Operated
from core.model.errors import TaskdeckError
from core.model.predictions import added
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.render.prediction_texts import starts_text

REHEARSED_MAX = 10_000
"""Tasks up to which a verb is rehearsed; the writer carries out, and takes back, 1,000 at once."""
_STARTING = frozenset({Verb.RETRY, Verb.FORCE_RETRY, Verb.UNHOLD})
_REQUESTS: Mapping[Verb, Callable[..., Request[Operated]]] = {
    Verb.RETRY: Retry,
    Verb.FORCE_RETRY: partial(Retry, force=True),
    Verb.CANCEL: Cancel,
    Verb.HOLD: Hold,
    Verb.UNHOLD: Unhold,
    Verb.FAIL: Fail,
}
_COMMANDS: Mapping[Verb, str] = {
    Verb.RETRY: "retry",
    Verb.FORCE_RETRY: "retry --force",
    Verb.CANCEL: "cancel",
    Verb.HOLD: "hold",
    Verb.UNHOLD: "unhold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A verb on more than is rehearsed."""

    verb: Verb
    number: int
    command: str = ""
    """The command that counts it; '' = none does."""


async def rehearse(control: ControlAPI, verb: Verb, scope: Scope) -> Operated | Uncounted | None:
    """Return what a verb would do; None where it is not rehearsed, or refused as a whole."""
    request = _REQUESTS.get(verb)
    if request is None:
        return None
    if scope.number > REHEARSED_MAX or len(scope.targets) > BOUNDED:
        return Uncounted(verb=verb, number=scope.number, command=_command(verb, scope))
    try:
        return _together([await _ask(control, request, target) for target in scope.targets])
    except TaskdeckError:
        # The verb itself is refused then, with the reason.
        return None


def in_short(foreseen: Operated | Uncounted | None, *, number: int) -> str:
    """Return what has to be known before one key says yes; empty where all goes its way for nothing."""
    if not isinstance(foreseen, Operated):
        return "" if foreseen is None else _uncounted_text(foreseen)
    parts = []
    if foreseen.refused:
        parts.append(f"{len(foreseen.refused):,} of {number:,} refused: {_reasons(foreseen)}")
    if foreseen.costs:
        parts.append(starts_text(foreseen))
    return "; ".join([*parts, *_ends(foreseen)])


def effect_lines(foreseen: Operated | Uncounted | None) -> tuple[SafeText, ...]:
    """Return lines about what a verb would do."""
    if not isinstance(foreseen, Operated):
        return () if foreseen is None else (safe_line(_uncounted_text(foreseen)),)
    lines = [f"changes   {foreseen.changed:,}"] if foreseen.refused else []
    if foreseen.starts:
        lines.append(f"starts    {starts_text(foreseen)}")
    if foreseen.refused:
        lines.append(f"refuses   {len(foreseen.refused):,}: {_reasons(foreseen)}")
    lines += [f"ends      {text}" for text in _ends(foreseen)]
    return tuple(map(safe_line, lines))


def _uncounted_text(many: Uncounted) -> str:
    what = "what they start, spend and refuse" if many.verb in _STARTING else "what is refused"
    where = f"above {REHEARSED_MAX:,} tasks" if many.number > REHEARSED_MAX else f"of over {BOUNDED} targets"
    counts = f"; this counts it: {many.command}" if many.command else ""
    return f"{what} is not counted {where}{counts}"


def _command(verb: Verb, scope: Scope) -> str:
    """Return the command that rehearses a verb on all that a filter finds."""
    target = scope.frozen
    if target is None or target.filter is None or verb not in _COMMANDS:
        return ""
    where = unparse(replace(target.filter, sort=None))
    return f"taskdeck {_COMMANDS[verb]} --where {shlex.quote(where)} --dry-run" if where else ""


def _ask(
    control: ControlAPI, request: Callable[..., Request[Operated]], target: Target
) -> Awaitable[Operated]:
    return control.ask(request(target=target, actor=ACTOR, effect=Effect.NONE))


def _together(answers: Sequence[Operated]) -> Operated:
    return Operated(
        changed=sum(answer.changed for answer in answers),
        refused=tuple(refusal for answer in answers for refusal in answer.refused),
        forecasts=tuple(forecast for answer in answers for forecast in answer.forecasts),
        starts=tuple(task_id for answer in answers for task_id in answer.starts),
        costs=added(answer.costs for answer in answers),
    )


def _reasons(foreseen: Operated) -> str:
    """Return why, the most frequent reasons first, with how many tasks each is of."""
    counts = Counter(refusal.reason for refusal in foreseen.refused).most_common()
    shown = [reason if number == 1 else f"{reason} ({number:,})" for reason, number in counts[:SHOWN]]
    return "; ".join([*shown, "..."] if len(counts) > SHOWN else shown)


def _ends(foreseen: Operated) -> list[str]:
    troubled = [one for one in foreseen.forecasts if one.reason]
    return [f"job {one.job_id} ends as {one.status} at best: {one.reason}" for one in troubled[:SHOWN]]
