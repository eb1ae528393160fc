"""Fail tasks that wait for spent budgets, or never fit.

Noted by the claim (`Patience`); carried out with what a batch left over, some tasks at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from core.model.errors import Bug
from core.model.lanes import Need
from core.model.limits.amounts import write_amount
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import costs_of
from core.model.limits.limits import OnExhausted
from core.model.outcomes import TaskError
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.moves import idle
from core.store.batch import Batch
from core.store.rows import PLACED, LeftOver, TaskPlace
from core.store.sql import ids

AT_ONCE = 256
"""Aisles, and lanes, that one claim notes for one gauge at the most."""
_POLICY = "coalesce(nullif(s.on_exhausted, ''), ?) != 'wait'"
_AISLES = (
    "SELECT a.id FROM json_each(?) AS j CROSS JOIN aisle a ON a.id = j.value"
    f" LEFT JOIN gset s ON s.id = a.gset_id WHERE {_POLICY}"
)
_LANE = (
    "SELECT l.id FROM lane l JOIN aisle a ON a.id = l.aisle_id LEFT JOIN gset s ON s.id = a.gset_id"
    f" WHERE l.id = ? AND {_POLICY}"
)
_SHUT = (
    "SELECT a.id FROM aisle a INDEXED BY aisle_shut LEFT JOIN gset s ON s.id = a.gset_id"
    f" WHERE a.shut_by = ? AND a.shut_by > 0 AND a.head_key IS NOT NULL AND {_POLICY} LIMIT {AT_ONCE}"
)
_DEAR = (
    "SELECT l.id FROM lane l INDEXED BY lane_dear JOIN aisle a ON a.id = l.aisle_id"
    " LEFT JOIN gset s ON s.id = a.gset_id WHERE l.shut_by = ? AND l.shut_by > 0 AND l.head_key IS NOT NULL"
    f" AND l.need > ? AND {_POLICY} LIMIT {AT_ONCE}"
)
_OF_QUEUE = (
    "SELECT a.id FROM aisle a INDEXED BY aisle_of_queue LEFT JOIN gset s ON s.id = a.gset_id"
    " WHERE a.queue = CAST(? AS TEXT) AND a.head_key IS NOT NULL AND a.shut_by IS NULL"
    f" AND {_POLICY} LIMIT {AT_ONCE}"
)
_TASKS = (
    f"SELECT {PLACED}, t.cost FROM lane l CROSS JOIN task t"
    " INDEXED BY task_claim ON t.lane_id = l.id AND t.status = 'queued'"
    " WHERE l.{} = ? AND l.head_key IS NOT NULL AND coalesce(l.shut_by, 1) > 0"
    " ORDER BY t.sort_key, t.id LIMIT ?"
)
_AISLE = (
    "SELECT a.queue, a.gset_id, coalesce(s.on_exhausted, '') FROM aisle a"
    " LEFT JOIN gset s ON s.id = a.gset_id WHERE a.id = "
)
IN_VAIN = ("spent", "dear")
"""What is left over where tasks of an aisle, of a lane, wait for a budget in vain."""
_TERMS = {"spent": f"{_AISLE}?", "dear": f"{_AISLE}(SELECT aisle_id FROM lane WHERE id = ?)"}


class _Terms(NamedTuple):
    """What the tasks of an aisle are under."""

    queue: str
    gset_id: int
    on_exhausted: str


class Patience:
    """What one claim finds to wait in vain; nothing is failed before the next batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._may_fail = batch.capacity.may_fail_waiting(batch.db)

    def note_shut(self, shut: Mapping[int, int]) -> None:
        """Note aisles that are shut by spent gauges and whose tasks do not wait."""
        for gauge in self._spent(set(shut.values())):
            mine = ids(one for one, gauge_id in shut.items() if gauge_id == gauge.id)
            self._note("spent", self._batch.rows(_AISLES, mine, gauge.limit.on_exhausted))

    def note_due(self, gauge: Gauge) -> None:
        """Note what waits behind a gauge from which more was spent."""
        if not self._may_fail or not gauge.limit.is_metered or gauge.is_frozen:
            return
        policy, rest = gauge.limit.on_exhausted, gauge.cap - gauge.used - gauge.unknown
        self._note("dear", self._batch.rows(_DEAR, gauge.id, rest, policy))
        if rest <= 0:
            self._note("spent", self._batch.rows(_SHUT, gauge.id, policy))

    def note_queue(self, queue: str, gauge_id: int) -> None:
        """Note what waits in a queue whose own gauge is spent."""
        for gauge in self._spent({gauge_id}):
            self._note("spent", self._batch.rows(_OF_QUEUE, queue.encode(), gauge.limit.on_exhausted))

    def note_dear(self, dear: Mapping[int, Need]) -> None:
        """Note lanes whose head needs more than a gauge ever has, or will have after all has settled."""
        gauges = self._batch.gauges
        for lane_id, need in dear.items():
            gauge = gauges.one(need.gauge_id)
            is_too_small = gauge.limit.is_metered and need.amount > gauge.most
            if is_too_small:
                self._note("dear", [(lane_id,)])
            elif self._may_fail and self._is_spent(gauge, need.amount):
                self._note("dear", self._batch.rows(_LANE, lane_id, gauge.limit.on_exhausted))

    def _spent(self, gauge_ids: Iterable[int]) -> list[Gauge]:
        if not self._may_fail:
            return []
        gauges = [self._batch.gauges.one(gauge_id) for gauge_id in sorted(gauge_ids)]
        return [gauge for gauge in gauges if self._is_spent(gauge, 0)]

    def _is_spent(self, gauge: Gauge, need: int) -> bool:
        return self._batch.rules.gauges.is_spent(gauge, need)

    def _note(self, kind: Literal["spent", "dear"], rows: Sequence[tuple[int]]) -> None:
        self._batch.followups += [LeftOver(kind, number) for (number,) in rows]


class InVain(NamedTuple):
    """A queued task, and why it would wait in vain."""

    task: TaskPlace
    error: TaskError


def fail_in_vain(batch: Batch, left: LeftOver) -> None:
    """Fail tasks of an aisle or a lane that wait in vain; what is too much for a batch is left over."""
    for one in find_in_vain(batch, left):
        fail_one_in_vain(batch, one)
    # Still shut, an aisle would hide what this batch queues there after them, and nothing would note that;
    # a lane, shut for the head that it had, would not be looked at by the claim of this batch.
    batch.refresh_lanes()


def fail_one_in_vain(batch: Batch, one: InVain) -> None:
    """Fail a task; raise `Bug` (`task.unfailed`) where that does not land."""
    if not idle.fail_queued(batch, one.task, one.error.to_json()):
        facts: JsonObject = {"task": one.task.task_id}
        raise Bug("task.unfailed", "a task that waits in vain could not be failed", facts=facts)


def find_in_vain(batch: Batch, left: LeftOver) -> list[InVain]:
    """Return the first tasks of an aisle (`spent`) or a lane (`dear`), as long as each waits in vain.

    Where the budget of the batch ends before they do, the rest is left over.
    """
    column = {"spent": "aisle_id", "dear": "id"}[left.kind]
    found: list[InVain] = []
    for terms in batch.typed(_Terms, _TERMS[left.kind], left.id):
        most = max(0, batch.budget)
        rows = batch.rows(_TASKS.format(column), left.id, most)
        for *place, cost in rows:
            error = _in_vain(batch, terms, cost)
            if error is None:
                break
            found.append(InVain(TaskPlace(*place), error))
        batch.budget -= len(found)
        if len(found) == len(rows) == most:
            batch.followups.append(left)
    return found


def _in_vain(batch: Batch, terms: _Terms, cost: str | None) -> TaskError | None:
    """Return why a task would wait in vain; None = it may wait."""
    capacity, rules, costs = batch.capacity, batch.rules.gauges, costs_of(cost)
    broad = capacity.gauges_of(batch.db, capacity.queue_sets.get(terms.queue, 0))
    for gauge_id in dict.fromkeys((*broad, *capacity.gauges_of(batch.db, terms.gset_id))):
        gauge = batch.gauges.one(gauge_id)
        if not gauge.limit.is_metered:
            continue
        need = rules.need_of(gauge, costs.get(gauge.limit.unit))
        if need > gauge.most:
            return _error("budget.too_small", gauge, need)
        policy = terms.on_exhausted or gauge.limit.on_exhausted
        if policy != OnExhausted.WAIT and rules.is_spent(gauge, need):
            return _error("budget.exhausted", gauge, need)
    return None


def _error(code: str, gauge: Gauge, need: int) -> TaskError:
    limit, unit = gauge.limit, safe_line(gauge.limit.unit)
    name = safe_line(f"{limit.name}={gauge.key}" if gauge.key else limit.name)
    facts: JsonObject = {
        "limit": limit.name,
        "key": gauge.key or None,
        "unit": limit.unit,
        "needs": write_amount(need),
        "max": write_amount(gauge.cap),
        "used": write_amount(gauge.used),
        "reserved": write_amount(gauge.reserved),
        "unknown": write_amount(gauge.unknown),
    }
    whole, gone = write_amount(gauge.cap), write_amount(gauge.used + gauge.unknown)
    message = (
        f"it needs {write_amount(need)} {unit}, and `{name}` never has more than {whole}"
        if code == "budget.too_small"
        else f"`{name}` is exhausted: {gone} of {whole} {unit} are spent, and it needs {write_amount(need)}"
    )
    return TaskError(code=code, message=message, facts=facts)
