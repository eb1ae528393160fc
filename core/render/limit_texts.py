"""Limits, costs, pools, tags and `once` of a task, as texts.

Used by `show` and the task screen.
"""

from __future__ import annotations

from core.model.limits.amounts import write_amount
from core.model.limits.estimates import AUTO, Estimate
from core.model.limits.limits import LimitRef
from core.model.limits.once import Once
from core.model.text import safe_line
from core.model.views import TaskDetail


def limits_text(detail: TaskDetail) -> str:
    """Return what a task says, `limits db, host=h1; cost 0.02 usd`; empty where it says nothing."""
    return "; ".join(f"{name} {text}" for name, text in limit_texts(detail).items())


def limit_texts(detail: TaskDetail) -> dict[str, str]:
    """Return what a task says by what it is about, safe to show; nothing of what it says nothing."""
    said = {
        "limits": ", ".join(map(_ref_text, detail.limits)),
        "cost": "" if detail.cost is None else _cost_text(detail.cost),
        "prefers": ", ".join(map(safe_line, detail.prefer)),
        "if spent": detail.on_exhausted or "",
        "tags": ", ".join(map(safe_line, detail.tags)),
        "once": "" if detail.once is None else _once_text(detail.once),
    }
    return {name: text for name, text in said.items() if text}


def _ref_text(ref: LimitRef) -> str:
    return safe_line(f"{ref.name}={ref.key}" if ref.key else ref.name)


def _once_text(once: Once) -> str:
    return safe_line(f"{once.key} for {once.for_}" if once.ms is not None else f"{once.key} ({once.for_})")


def _cost_text(cost: Estimate) -> str:
    amounts = {unit: write_amount(amount) for unit, amount in cost.amounts.items()}
    listed = ", ".join(
        f"{safe_line(text)} {safe_line(unit)}" for unit, text in {**amounts, **cost.expressions}.items()
    )
    if cost.is_auto:
        return f"{AUTO} (estimated {listed})" if listed else f"{AUTO} (the default of its budget)"
    return listed
