"""Gauges of a transaction: read once, changed in memory, written once.

Owned by `Batch`; used by the claim, the settlement and the operators' commands. Their rows stay known from
one transaction to the next (`Capacity.gauges`): nothing else writes them but what goes through `change`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from typing import Any, TypeAlias, cast

from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import pack_recent, recent_in
from core.model.limits.limits import Limit, LimitKind
from core.store.capacity import KEPT_MOST, StoredGauge
from core.store.sql import ids, raw
from core.store.writer import Writer

# An empty text is not read: each is decoded in Python, for each of many keys.
_READ = (
    "SELECT id, name, key, used, reserved, unknown, tat_us, began, turns_at, shut_until, trial, waited_for,"
    " opens_at, soft_at, down_at, nullif(recent, '') FROM gauge WHERE id IN (SELECT value FROM json_each(?))"
)
_DUE = "SELECT id FROM gauge INDEXED BY gauge_due WHERE opens_at <= ? LIMIT ?"
# What is due already waits for a slot, and the claim that has one looks at it.
_NEXT = "SELECT min(opens_at) FROM gauge INDEXED BY gauge_due WHERE opens_at > ?"
# Most often only these differ, and no index has them.
_AMOUNTS = 4
_DOWN = "SELECT 1 FROM gauge INDEXED BY gauge_down WHERE down_at IS NOT NULL AND waited_for LIMIT 1"
_WRITE_AMOUNTS = "UPDATE gauge SET used = ?, reserved = ?, unknown = ?, tat_us = ? WHERE id = ?"
_WRITE = (
    "UPDATE gauge SET used = ?, reserved = ?, unknown = ?, tat_us = ?, began = ?, turns_at = ?,"
    " shut_until = ?, trial = ?, waited_for = ?, opens_at = ?, soft_at = ?,"
    " down_at = ?, recent = coalesce(?, '') WHERE id = ?"
)
_FIND = "SELECT id FROM gauge WHERE name = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_MAKE = (
    "INSERT INTO gauge (name, key, began, turns_at) VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)"
    " RETURNING id"
)
# A window that never turns, nothing that shuts, nothing that waits: most of many keys are so.
_PLAIN = [None, None, None, 0, None, None, None, None]
# Before these columns stand the id, the name of the limit and the key.
_KEY = 3
DUE_MOST = 1_000
"""Gauges that one batch finds open again at the most."""
_Row: TypeAlias = tuple[int | str | None, ...]


class Gauges:
    """The gauges that a batch has looked at; those that differ from their rows are written by `flush`."""

    def __init__(
        self, writer: Writer, *, now: int, offset: int, tell: Callable[[str, Gauge], None] = lambda *_: None
    ) -> None:
        self._db = writer.connection
        self._rules = writer.rules.gauges
        self._capacity = writer.capacity
        self._now = now
        self._offset = offset
        self._wall = now - offset
        self._tell = tell
        self._read: dict[int, Gauge] = {}
        self._rows: dict[int, _Row] = {}
        self.metered: set[int] = set()
        """Those of metered limits, among all that were looked at."""
        self.spent: set[int] = set()
        """Those that were written with nothing left to spend."""
        self._is_flushed = False
        """None was handed out, to be changed, since all were written."""
        self._used_up: dict[int, int] = {}
        """Those that were at their cap when they were read or written, with the begin of that window."""

    def of(self, wanted: Collection[int]) -> Mapping[int, Gauge]:
        """Return gauges by id, these among them; a window that is over has turned."""
        self._is_flushed = False
        missing = [gauge_id for gauge_id in wanted if gauge_id not in self._read]
        if missing:
            stored = self._capacity.gauges
            if len(stored) > KEPT_MOST:
                stored.clear()
            unknown = [gauge_id for gauge_id in missing if gauge_id not in stored]
            if unknown:
                rows = self._db.execute(_READ, (ids(unknown),)).fetchall()
                stored |= {row[0]: (row[1], row[2], row[_KEY:]) for row in rows}
            for gauge_id in missing:
                if gauge_id in stored:
                    self._take_in(gauge_id, stored[gauge_id])
        return self._read

    def one(self, gauge_id: int) -> Gauge:
        """Return the gauge of an id, which must be there."""
        self._is_flushed = False
        return self._read[gauge_id] if gauge_id in self._read else self.of((gauge_id,))[gauge_id]

    def due(self) -> list[Gauge]:
        """Return the gauges that a claim has to look at: alarms that rang, and what was opened."""
        found = {gauge_id for (gauge_id,) in self._db.execute(_DUE, (self._now, DUE_MOST))}
        found |= {
            one.id for one in self._read.values() if one.opens_at is not None and one.opens_at <= self._now
        }
        known = self.of(found)
        return [
            gauge
            for gauge_id in sorted(found)
            if (gauge := known[gauge_id]).opens_at is not None and gauge.opens_at <= self._now
        ]

    def left(self, gauge_id: int) -> int:
        """Return what a gauge has left now."""
        return self._rules.left(self.one(gauge_id), now=self._now)

    def lefts(self, wanted: Collection[int]) -> dict[int, int]:
        """Return what gauges have left now, by id; many are read at once."""
        known, left, now = self.of(wanted), self._rules.left, self._now
        return {one: left(known[one], now=now) for one in wanted}

    def take(self, amounts: Mapping[int, int]) -> None:
        """Hold an amount of each of these gauges."""
        known, take, now = self.of(amounts), self._rules.take, self._now
        for gauge_id, amount in amounts.items():
            take(known[gauge_id], amount, now=now)

    def retries_of(self, gauge_id: int) -> Gauge | None:
        """Return the gauge of the retries of a backend; None = this is not the gauge of a configured one."""
        limit = self.one(gauge_id).limit
        if limit.backend is None or limit.kind is LimitKind.RETRIES:
            return None
        retries_id = self._capacity.retries.get(limit.backend.name)
        return None if retries_id is None else self.one(retries_id)

    def count_starts(self, passed: Collection[int], number: int, *, counted_at: int) -> None:
        """Count attempts that begin under the backends among these gauges; below 0 they never began.

        What waits behind the gauge of the retries is looked at again where that has something left.
        """
        for gauge_id in passed:
            gauge = self.retries_of(gauge_id)
            if gauge is not None:
                retries = number if gauge.id in passed else 0
                self._rules.count_starts(gauge, number, retries, counted_at=counted_at)
                self.open(gauge)

    def alarm(self, gauge: Gauge) -> None:
        """Let claims look at a gauge again when it opens by itself: something waits behind it."""
        gauge.is_waited_for = True
        gauge.opens_at = self._rules.opens_at(gauge, now=self._now, offset=self._offset)

    def open(self, gauge: Gauge) -> None:
        """Let the next claim look at what a gauge shuts, if it has something left."""
        if gauge.is_waited_for and gauge.opens_at != 0 and self._has_news(gauge):
            gauge.opens_at = 0

    def try_out(self, gauge_id: int, task_id: int) -> Gauge | None:
        """Make a task that takes of a gauge its probe; None = nothing is tried out."""
        gauge = self.one(gauge_id)
        if gauge.trial != 0:
            return None
        gauge.trial = task_id
        return gauge

    def let_go(self, gauge: Gauge, task_ids: Container[int]) -> None:
        """Let the next claim see what the ends of attempts open; another may be the probe now."""
        if gauge.trial in task_ids:
            gauge.trial = 0
        # Most gauges of many keys are not waited for.
        if gauge.is_waited_for:
            self.open(gauge)

    def _has_news(self, gauge: Gauge) -> bool:
        # What is spent lets fail who does not wait for it.
        return self._rules.left(gauge, now=self._now) > 0 or self._rules.is_spent(gauge, 0)

    def find(self, limit: Limit, key: str = "") -> int:
        """Return the id of the gauge of a limit under a key, made where it is missing."""
        row = self._db.execute(_FIND, (raw(limit.name), raw(key))).fetchone()
        if row is None:
            new = Gauge(id=0, limit=limit, key=key)
            self._rules.begin(new, wall=self._wall)
            values = (raw(limit.name), raw(key), new.began, new.turns_at)
            row = self._db.execute(_MAKE, values).fetchone()
        return int(row[0])

    def next_due(self) -> int | None:
        """Return when the next gauge opens by itself (engine time)."""
        (due,) = self._db.execute(_NEXT, (self._now,)).fetchone()
        return None if due is None else int(due)

    def has_down(self) -> bool:
        """Return whether something waits for a backend that is down."""
        return self._capacity.has_backends and self._db.execute(_DOWN).fetchone() is not None

    def flush(self) -> None:
        """Write what differs; tell of those that passed their soft limit or their cap, or are below it."""
        if self._is_flushed:
            return
        amounts: list[_Row] = []
        rows: list[_Row] = []
        for gauge_id, gauge in self._read.items():
            before, row = self._rows[gauge_id], _row(gauge)
            if row == before:
                continue
            if gauge_id in self.metered:
                self._note_metered(gauge)
                row = _row(gauge)
            self._rows[gauge_id] = row
            self._capacity.gauges[gauge_id] = (gauge.limit.name, gauge.key, row)
            if row[_AMOUNTS:] == before[_AMOUNTS:]:
                amounts.append((*row[:_AMOUNTS], gauge_id))
            else:
                rows.append((*row, gauge_id))
        if amounts:
            self._db.executemany(_WRITE_AMOUNTS, amounts)
        if rows:
            self._db.executemany(_WRITE, rows)
        self._is_flushed = True

    def _note_metered(self, gauge: Gauge) -> None:
        """Note that a gauge is spent, and tell what it passed: only a metered one is, or does."""
        if self._rules.is_spent(gauge, 0):
            self.spent.add(gauge.id)
        if self._rules.is_past_soft(gauge):
            gauge.soft_at = self._wall
            self._tell("limit.soft", gauge)
        self._tell_used_up(gauge)

    def _tell_used_up(self, gauge: Gauge) -> None:
        """Tell that a budget reached its cap, once in a window, or is below it again."""
        before = self._used_up.get(gauge.id)
        if self._rules.is_used_up(gauge):
            self._used_up[gauge.id] = gauge.began
            if before != gauge.began:
                self._tell("budget.spent", gauge)
        elif before is not None:
            del self._used_up[gauge.id]
            self._tell("budget.freed", gauge)

    def take_spent(self) -> Sequence[Gauge]:
        """Return the budgets that were spent, or changed while they are, since the last call."""
        self.flush()
        found = sorted(self.spent)
        self.spent.clear()
        return [self.one(gauge_id) for gauge_id in found]

    def change(self, sql: str, *args: object) -> None:
        """Run a statement that writes rows of gauges by itself."""
        self.forget()
        self._db.execute(sql, args)

    def forget(self) -> None:
        """Write what differs and read again what is asked for next: another may write meanwhile."""
        self.flush()
        self._capacity.gauges.clear()
        self._read.clear()
        self._rows.clear()
        self.metered.clear()
        self._used_up.clear()

    def _take_in(self, gauge_id: int, stored: StoredGauge) -> None:
        """Note a gauge as it is stored."""
        name, key, columns = stored
        # As `_READ` and `_row` list them, which no type says.
        used, reserved, unknown, tat_us, began, *rest = cast("tuple[Any, ...]", columns)
        gauge = Gauge(
            id=gauge_id,
            limit=self._capacity.known[name],
            key=key,
            used=used,
            reserved=reserved,
            unknown=unknown,
            tat_us=tat_us,
            began=began,
        )
        self._read[gauge_id], self._rows[gauge_id] = gauge, columns
        is_metered = name in self._capacity.metered
        if is_metered:
            self.metered.add(gauge_id)
            gauge.is_frozen = self._capacity.is_frozen
        if rest != _PLAIN:
            gauge.turns_at, gauge.shut_until, gauge.trial, waited_for, gauge.opens_at, *others = rest
            gauge.soft_at, gauge.down_at, recent = others
            gauge.is_waited_for = bool(waited_for)
            gauge.recent = recent_in(recent or "")
        if is_metered and self._rules.is_used_up(gauge):
            self._used_up[gauge_id] = gauge.began
        if gauge.turns_at is not None and self._rules.turn_if_due(gauge, wall=self._wall):
            self.open(gauge)


def _row(gauge: Gauge) -> _Row:
    return (
        gauge.used,
        gauge.reserved,
        gauge.unknown,
        gauge.tat_us,
        gauge.began,
        gauge.turns_at,
        gauge.shut_until,
        gauge.trial,
        int(gauge.is_waited_for),
        gauge.opens_at,
        gauge.soft_at,
        gauge.down_at,
        pack_recent(gauge.recent) if gauge.recent else None,
    )
