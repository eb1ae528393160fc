"""Predictions as lines of text, and as JSON.

Used by `run --dry-run`, `graph --predict` and the console.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.model.commands.work import Operated
from core.model.limits.amounts import write_amount
from core.model.predictions import BudgetFit, Extent, Fit, PredictionView, Span, UnitCost, WorkletShare
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.render.times import clock_text, duration_text

_SHOWN_KEYS = 12
_FITS = {Fit.YES: "has enough", Fit.NO: "has too little", Fit.PERHAPS: "may have too little"}


def prediction_lines(view: PredictionView) -> list[str]:
    """Return a prediction as lines, the first with what it was made against."""
    others = f"{view.queued:,} queued and {view.running:,} running"
    head = f"{safe_line(view.name)}: {_count(view.tasks, 'task')}, behind and among {others}"
    facts = [f"{title:<14} {text}" for title, text in _facts(view)]
    return [f"{head}, on {_count(view.slots, 'slot')}", *facts]


def prediction_line(view: PredictionView) -> str:
    """Return a prediction in one line: how long, how dear, and the budget that has too little."""
    parts = [f"takes {_takes_text(view)}"]
    parts += [_cost_text(cost) for cost in view.costs if cost.amount != Span(low=0, high=None)]
    parts += [
        f"budget {safe_line(_gauge_name(one))} {_FITS[one.fits]}"
        for one in view.budgets
        if one.fits is not Fit.YES
    ]
    if view.unknown:
        parts.append(f"{view.unknown:,} of {_count(view.tasks, 'task')} never measured")
    if view.open_groups:
        parts.append(f"instances of {_count(view.open_groups, 'group')} unknown")
    if view.worklets.tasks:
        parts.append("worklets left out")
    return "; ".join(parts)


def starts_text(operated: Operated) -> str:
    """Return what a rehearsed verb would start and what that may spend, `2 calls: 0.1 to 0.3 usd`."""
    calls = _count(len(operated.starts), "call")
    known = [cost for cost in operated.costs if cost.amount != Span(low=0, high=None)]
    return f"{calls}: {'; '.join(map(_cost_text, known)) or 'what they spend is unknown'}"


def _facts(view: PredictionView) -> Iterator[tuple[str, str]]:
    yield "takes", _takes_text(view, with_clock=True)
    if view.starts is not None:
        yield "starts", _starts_text(view, view.starts)
    if view.critical_ms:
        yield "critical path", f"{_chain_text(view.critical)}: {duration_text(view.critical_ms)}"
    known = [cost for cost in view.costs if cost.amount != Span(low=0, high=None)]
    yield "costs", "; ".join(map(_cost_text, known)) or "unknown"
    for fit in view.budgets:
        yield f"budget {safe_line(_gauge_name(fit))}", _fit_text(fit, now=view.at)
    for text in _unknown_texts(view):
        yield "unknown", text
    if view.worklets.tasks:
        yield "left out", _worklets_text(view.worklets)
    if view.engine == "none":
        yield "engine", "none is running: counted from the start of one"


def _takes_text(view: PredictionView, *, with_clock: bool = False) -> str:
    if view.takes is None or view.ends is None:
        why = f": {safe_line(view.never_why)}" if view.never_why else ""
        return f"for ever: {_count(view.never, 'task')} of {view.tasks:,} would never start{why}"
    if view.unknown == view.tasks and view.takes.high is None:
        return "unknown"
    text = _span_text(view.takes, duration_text)
    if view.extent is not Extent.WHOLE:
        text = f"about {text}, {view.extent}"
    if not with_clock:
        return text
    return f"{text}, until {_span_text(view.ends, lambda at: clock_text(at, now=view.at))}"


def _starts_text(view: PredictionView, starts: Span) -> str:
    waits = Span(
        low=starts.low - view.at, high=None if starts.high is None else max(starts.high, starts.low) - view.at
    )
    if waits.low <= 0 and waits.high == waits.low:
        return "at once"
    if waits.low <= 0 and waits.high is None:
        return "at once, or when what runs has ended" if view.unknown_others else "at once"
    return f"in {_span_text(waits, duration_text)}"


def _span_text(span: Span, write: Callable[[int], str]) -> str:
    low = write(span.low)
    if span.high is None:
        return f"at least {low}"
    high = write(span.high)
    return low if low == high else f"{low} to {high}"


def _cost_text(cost: UnitCost) -> str:
    text = f"{_span_text(cost.amount, write_amount)} {safe_line(cost.unit)}"
    return f"{text} ({_count(cost.unestimated, 'task')} unestimated)" if cost.unestimated else text


def _fit_text(fit: BudgetFit, *, now: int) -> str:
    unit = safe_line(fit.unit)
    needs = _span_text(fit.needs, write_amount)
    parts = [f"{_FITS[fit.fits]}: needs {needs} {unit}, {write_amount(fit.left)} left"]
    if fit.spent_at is not None:
        at_once = fit.spent_at <= now
        parts.append("spent already" if at_once else f"spent {clock_text(fit.spent_at, now=now)}")
    if fit.turns_at is not None:
        parts.append(f"turns {clock_text(fit.turns_at, now=now)}")
    return ", ".join(parts)


def _unknown_texts(view: PredictionView) -> Iterator[str]:
    if view.unknown:
        yield f"how long {view.unknown:,} of {_count(view.tasks, 'task')} take: fewer than 3 runs are known"
    if view.open_groups:
        yield f"how many instances {_count(view.open_groups, 'group')} will have: each counts as one task"
    if view.unknown_others:
        yield f"how long {view.unknown_others:,} of what is queued and runs take"
    if view.extent is Extent.SAMPLED:
        yield "more starts would come than are played: the first ones tell the pace of the rest"
    if view.extent is Extent.PARTIAL:
        yield "more jobs and queues wait, or more attempts run, than are looked at: it may take longer"


def _worklets_text(share: WorkletShare) -> str:
    verb = "has a worklet" if share.tasks == 1 else "have worklets"
    text = f"{_count(share.tasks, 'task')} {verb}"
    if share.per_run_ms is None:
        return f"{text}: no run is known that says what these take"
    if not share.begun:
        return f"{text}, none of which began in the last {_count(share.runs, 'run')}"
    began = f"{share.begun:,} began in the last {_count(share.runs, 'run')}"
    return f"{text}; {began}: {duration_text(share.per_run_ms)} a run"


def _chain_text(keys: tuple[str, ...]) -> str:
    shown: list[str] = [safe_line(key) for key in keys]
    if len(shown) > _SHOWN_KEYS:
        half = _SHOWN_KEYS // 2
        shown = [*shown[:half], f"({len(shown) - _SHOWN_KEYS:,} more)", *shown[-half:]]
    return " -> ".join(shown)


def _gauge_name(fit: BudgetFit) -> str:
    return f"{fit.limit}={fit.key}" if fit.key else fit.limit


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def prediction_shape(view: PredictionView) -> JsonObject:
    """Return a prediction as JSON; amounts are decimal text, what is not known is null."""
    return {
        "name": view.name,
        "at": to_iso(view.at),
        "tasks": view.tasks,
        "queued": view.queued,
        "running": view.running,
        "slots": view.slots,
        "engine": view.engine,
        "takes_ms": _span_shape(view.takes, int),
        "starts": _span_shape(view.starts, to_iso),
        "ends": _span_shape(view.ends, to_iso),
        "critical_path": {"tasks": list(view.critical), "length_ms": view.critical_ms},
        "costs": [cost_shape(cost) for cost in view.costs],
        "budgets": [_fit_shape(fit) for fit in view.budgets],
        "never": {"tasks": view.never, "why": view.never_why or None},
        "unknown": {"tasks": view.unknown, "others": view.unknown_others, "groups": view.open_groups},
        "worklets": {
            "tasks": view.worklets.tasks,
            "runs": view.worklets.runs,
            "begun": view.worklets.begun,
            "per_run_ms": view.worklets.per_run_ms,
        },
        "extent": str(view.extent),
        "sampled": view.extent is not Extent.WHOLE,
    }


def cost_shape(cost: UnitCost) -> JsonObject:
    """Return what is spent of a unit as JSON."""
    amount = _span_shape(cost.amount, write_amount)
    return {"unit": cost.unit, "amount": amount, "unestimated": cost.unestimated}


def _fit_shape(fit: BudgetFit) -> JsonObject:
    return {
        "limit": fit.limit,
        "key": fit.key,
        "unit": fit.unit,
        "needs": _span_shape(fit.needs, write_amount),
        "left": write_amount(fit.left),
        "fits": fit.fits.value,
        "spent_at": None if fit.spent_at is None else to_iso(fit.spent_at),
        "turns_at": None if fit.turns_at is None else to_iso(fit.turns_at),
    }


def _span_shape(span: Span | None, write: Callable[[int], int | str]) -> JsonObject | None:
    if span is None:
        return None
    return {"low": write(span.low), "high": None if span.high is None else write(span.high)}
