"""Capacity: pools, limits, gauge sets and gauges, as the writer knows them.

Kept by `Writer` from one transaction to the next; read again when the store's number of it rises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from core.model.limits.backends import RETRIES
from core.model.limits.limit_forms import from_text, gauges_in
from core.model.limits.limits import DEFAULT_POOL, Limit, OnExhausted, Pool
from core.model.stored_text import json_or_note
from core.store.sql import ids, pack

_LIMITS = "SELECT body, changed FROM limit_rule WHERE removed_at IS NULL ORDER BY name"
_POOLS = (
    "SELECT body, changed, paused_at IS NOT NULL, gset_id FROM pool WHERE removed_at IS NULL"
    " ORDER BY position, name"
)
_ALL_LIMITS = "SELECT name, body, changed FROM limit_rule"
_GSETS = "SELECT id, gauges FROM gset WHERE id IN (SELECT value FROM json_each(?))"
_FIND_SET = "SELECT id FROM gset WHERE gauges = ? AND prefer = ? AND on_exhausted = ?"
_MAKE_SET = "INSERT INTO gset (gauges, prefer, on_exhausted) VALUES (?, ?, ?) RETURNING id"
_FIND_SETS = (
    "SELECT s.gauges, s.id FROM json_each(?) AS j CROSS JOIN gset s"
    " ON s.gauges = j.value AND s.prefer = '' AND s.on_exhausted = ''"
)
_MAKE_SETS = "INSERT INTO gset (gauges) SELECT value FROM json_each(?) RETURNING gauges, id"
_IMPATIENT = (
    "SELECT 1 FROM gset INDEXED BY gset_said WHERE on_exhausted != '' AND on_exhausted != 'wait' LIMIT 1"
)
_RETRIES = "SELECT substr(name, ?2), id FROM gauge WHERE substr(name, 1, ?2 - 1) = ?1"
_PREFERRING = "SELECT id, prefer FROM gset INDEXED BY gset_prefer WHERE prefer != ''"


class Said(NamedTuple):
    """What tasks say beside their gauges: pools, the first first, and what follows a spent budget."""

    prefer: tuple[str, ...] = ()
    on_exhausted: str = ""


NOTHING_SAID = Said()


KEPT_MOST = 20_000
"""Rows that stay known from one transaction to the next at the most, beside those that one reads at once."""
StoredGauge: TypeAlias = tuple[str, str, tuple[int | str | None, ...]]
"""The row of a gauge: the name of its limit, its key, and the columns that `Gauges` writes."""


@dataclass(slots=True)
class Capacity:
    """What is configured and changed, and which gauges each gauge set has."""

    number: int = 0
    """That of the store when it was read; 0 = nothing was ever configured."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """Those that bind, by name."""
    known: Mapping[str, Limit] = field(default_factory=dict)
    """Also those that bind nothing any more, whose gauges are still held."""
    pools: Sequence[Pool] = ()
    """In the order in which they are asked; none = one `default` of all slots drains every queue."""
    paused: frozenset[str] = frozenset()
    is_frozen: bool = False
    queue_sets: Mapping[str, int] = field(default_factory=dict)
    """Gauge sets of queues and pools that have one."""
    pool_sets: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[str, int] = field(default_factory=dict)
    """The gauges of the retries of backends, by their names."""
    # Worked out once: each transaction asks several times.
    metered: frozenset[str] = frozenset()
    """The names of the known limits that are metered."""
    has_backends: bool = False
    """Whether a backend is, or was, configured."""
    estimates_unknown: bool = False
    """Whether a budget books unknown amounts as estimated after a time."""
    is_shared: bool = False
    """Whether a claim has more to look at than the number of free slots."""
    gsets: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _full_sets: dict[tuple[int, ...], int] = field(default_factory=dict)
    """Gauge sets of attempts by their gauges."""
    gauges: dict[int, StoredGauge] = field(default_factory=dict)
    """Gauges by id as the store has them, this transaction included; what is not among them is read."""
    _preferring: Mapping[int, tuple[str, ...]] | None = None
    _may_fail: bool | None = None

    @property
    def _is_plain(self) -> bool:
        """Whether one pool, if any, drains every queue and any of its slots does for any task."""
        pools = [(pool.name, pool.queues) for pool in self.pools]
        return not self.paused and pools in ([], [(DEFAULT_POOL, ())])

    def most_open(self, slots: int) -> int:
        """Return how many attempts may be open, of those that the engine lets; pools say it by themselves."""
        if not self.pools or self.is_shared:
            return slots
        return min(slots, sum(pool.slots for pool in self.pools))

    def read(self, db: sqlite3.Connection, number: int) -> None:
        """Read all of it; gauge sets are read as they are asked for."""
        self.known = {
            name: from_text(Limit, body, changed) for name, body, changed in db.execute(_ALL_LIMITS)
        }
        bound = db.execute(_LIMITS).fetchall()
        self.limits = {limit.name: limit for limit in (from_text(Limit, *row) for row in bound)}
        pools = db.execute(_POOLS).fetchall()
        self.pools = tuple(from_text(Pool, body, changed) for body, changed, _, _ in pools)
        self.paused = frozenset(
            pool.name for pool, (_, _, is_paused, _) in zip(self.pools, pools, strict=True) if is_paused
        )
        self.pool_sets = {pool.name: gset for pool, (*_, gset) in zip(self.pools, pools, strict=True)}
        (frozen_at,) = db.execute("SELECT frozen_at FROM engine WHERE id = 1").fetchone()
        self.is_frozen = frozen_at is not None
        self.queue_sets = dict(db.execute("SELECT name, gset_id FROM queue WHERE gset_id > 0"))
        self.retries = dict(db.execute(_RETRIES, (RETRIES, len(RETRIES) + 1)))
        self.metered = frozenset(name for name, limit in self.known.items() if limit.is_metered)
        self.has_backends = any(limit.backend is not None for limit in self.known.values())
        self.estimates_unknown = any(one.estimate_after_ms is not None for one in self.limits.values())
        self.is_shared = bool(self.limits or self.known or not self._is_plain)
        self.forget_sets()
        self.number = number

    def gauges_of(self, db: sqlite3.Connection, gset_id: int) -> tuple[int, ...]:
        """Return the ids of the gauges of a set, in the order in which they are asked."""
        known = self.gsets.get(gset_id)
        return self.sets(db, (gset_id,))[gset_id] if known is None else known

    def sets(self, db: sqlite3.Connection, gset_ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
        """Return gauge sets by id, these among them: the ids of their gauges, as `gauges_of` does."""
        missing = [gset_id for gset_id in gset_ids if gset_id not in self.gsets]
        if missing:
            self.gsets |= dict.fromkeys(missing, ())
            self.gsets |= {one: gauges_in(listed) for one, listed in db.execute(_GSETS, (ids(missing),))}
        return self.gsets

    def full_set(self, db: sqlite3.Connection, gauges: tuple[int, ...]) -> int:
        """Return the id of the set of all gauges that an attempt passes, made where it is missing."""
        known = self._full_sets.get(gauges)
        return self.full_sets(db, (gauges,))[gauges] if known is None else known

    def full_sets(
        self, db: sqlite3.Connection, wanted: Iterable[tuple[int, ...]]
    ) -> Mapping[tuple[int, ...], int]:
        """Return by gauges, these among them, what `full_set` does; the missing ones are made at once."""
        if len(self._full_sets) > KEPT_MOST:
            self._full_sets.clear()
        missing = {gauges: ids(sorted({*gauges})) for gauges in wanted if gauges not in self._full_sets}
        if missing:
            found = {ids(()): 0, **dict(db.execute(_FIND_SETS, (pack([*missing.values()]),)))}
            new = dict.fromkeys(listed for listed in missing.values() if listed not in found)
            if new:
                found |= dict(db.execute(_MAKE_SETS, (pack([*new]),)).fetchall())
            for gauges, listed in missing.items():
                known = self._full_sets[gauges] = found[listed]
                self.gsets[known] = tuple(sorted({*gauges}))
        return self._full_sets

    def preferring(self, db: sqlite3.Connection) -> Mapping[int, tuple[str, ...]]:
        """Return the gauge sets whose tasks prefer pools, and these pools."""
        if self._preferring is None:
            self._preferring = {
                gset_id: tuple(map(str, found))
                for gset_id, text in db.execute(_PREFERRING)
                if isinstance(found := json_or_note(text), list)
            }
        return self._preferring

    def may_fail_waiting(self, db: sqlite3.Connection) -> bool:
        """Return whether any task, or any budget, wants what waits for a spent one to fail."""
        if self._may_fail is None:
            own = any(limit.on_exhausted is not OnExhausted.WAIT for limit in self.limits.values())
            self._may_fail = own or db.execute(_IMPATIENT).fetchone() is not None
        return self._may_fail

    def forget_sets(self) -> None:
        """Read gauge sets and gauges again: one may have been made, or taken back."""
        self.gsets.clear()
        self._full_sets.clear()
        self.gauges.clear()
        self._preferring = self._may_fail = None

    def put_queue_set(self, queue: str, gset_id: int) -> None:
        """Note the gauge set of a queue that was written just now."""
        others = {name: one for name, one in self.queue_sets.items() if name != queue}
        self.queue_sets = {**others, queue: gset_id} if gset_id else others

    def undo(self, db: sqlite3.Connection, *, since: int) -> None:
        """Know again what was before a part of the transaction that is undone; `since` = the number then."""
        self.forget_sets()
        if self.number != since:
            self.read(db, since)

    def forget(self, *, since: int) -> None:
        """Forget what a rollback took back; `since` = the number when that transaction began."""
        if self.number != since:
            self.number = -1
        self.forget_sets()


def set_of(db: sqlite3.Connection, gauges: Iterable[int], said: Said = NOTHING_SAID) -> int:
    """Return the id of a gauge set, made where it is missing; 0 = the empty one of tasks that say nothing."""
    listed = sorted(set(gauges))
    if not listed and said == NOTHING_SAID:
        return 0
    key = (ids(listed), pack(list(said.prefer)) if said.prefer else "", said.on_exhausted)
    row = db.execute(_FIND_SET, key).fetchone()
    if row is None:
        row = db.execute(_MAKE_SET, key).fetchone()
    return int(row[0])
