"""Estimates of tasks that say `cost: auto`, from the ledger.

Called where tasks are admitted.
"""

from __future__ import annotations

from core.model.limits.estimates import Estimate
from core.model.run_times import usual_cost
from core.store.batch import Batch
from core.store.sql import pack
from core.store.usual_costs import COSTS, UnitAmount, by_unit

ENOUGH = 20
"""Attempts that have to have spent something of a unit; of fewer the default of the budget is reserved."""
_COSTS = COSTS.format(named="?")


class AutoCosts:
    """What tasks of one workflow are estimated to use, each read once in a batch."""

    def __init__(self, batch: Batch, workflow: str | None) -> None:
        self._batch = batch
        self._workflow = workflow
        self._known: dict[str, Estimate] = {}

    def of(self, key: str, cost: Estimate | None) -> Estimate | None:
        """Return an estimate with the amounts that stand for `auto`: the 95th percentile, by unit."""
        if cost is None or not cost.is_auto or self._workflow is None:
            return cost
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._read(self._workflow, key)
        return known

    def _read(self, workflow: str, key: str) -> Estimate:
        rows = self._batch.rows(_COSTS, pack([[workflow, key]]))
        spent = by_unit(UnitAmount(unit, amount) for _, _, unit, _, _, amount in rows)
        usual = {unit: usual_cost(amounts) for unit, amounts in spent.items()}
        amounts = {unit: one.p95 for unit, one in usual.items() if one and one.attempts >= ENOUGH}
        return Estimate(amounts=amounts, is_auto=True)
