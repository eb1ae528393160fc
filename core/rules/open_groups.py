"""Open groups: predictions of jobs whose number of tasks is not known.

Called by the control.
"""

from __future__ import annotations

from core.model.predictions import Fit, PredictionView, Span
from core.model.records import replace


def with_open_groups(view: PredictionView, groups: int) -> PredictionView:
    """Return a prediction that promises no end, cost or budget: groups count as one task in its figures."""
    if not groups:
        return view
    return replace(
        view,
        open_groups=groups,
        ends=None if view.ends is None else _at_least(view.ends),
        costs=tuple(replace(cost, amount=_at_least(cost.amount)) for cost in view.costs),
        budgets=tuple(
            replace(fit, needs=_at_least(fit.needs), fits=Fit.PERHAPS if fit.fits is Fit.YES else fit.fits)
            for fit in view.budgets
        ),
    )


def _at_least(span: Span) -> Span:
    return Span(low=span.low, high=None)
