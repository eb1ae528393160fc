"""Carry out the operators' commands on backends.

Called by `change_capacity`.
"""

from __future__ import annotations

from typing import assert_never

from core.model.commands.capacity import CloseBackend, OnBackend, OpenBackend, ResetBackend
from core.model.commands.work import Operated
from core.model.errors import NotFound, TaskdeckError
from core.model.limits.backends import HOSTS, PREFIX
from core.model.limits.gauges import ALWAYS, Gauge
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.store.apply.limits import breakers
from core.store.apply.limits.backend_checks import let_through
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import raw

_HOST = "SELECT id FROM gauge WHERE name = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_HOSTS = "SELECT key FROM gauge WHERE name = CAST(? AS TEXT) ORDER BY key LIMIT 400"


def change_backend(batch: Batch, change: OnBackend, cause: Cause) -> Operated | TaskdeckError:
    """Carry out one change of a backend; what is so already changes nothing."""
    gauge = _gauge(batch, change.name)
    if isinstance(gauge, TaskdeckError):
        return gauge
    match change:
        case OpenBackend():
            return _open(batch, gauge, for_ms=change.for_ms, cause=cause)
        case CloseBackend():
            return _close(batch, gauge, cause)
        case ResetBackend():
            return Operated(changed=int(breakers.reset(batch, gauge, cause=cause)))
        case _:
            assert_never(change)


def _open(batch: Batch, gauge: Gauge, *, for_ms: int | None, cause: Cause) -> Operated:
    until = ALWAYS if for_ms is None else batch.now + for_ms
    if gauge.shut_until == until == ALWAYS:
        return Operated(changed=0)
    breakers.open_by_hand(batch, gauge, until=until, cause=cause)
    return Operated(changed=1)


def _close(batch: Batch, gauge: Gauge, cause: Cause) -> Operated:
    was_down = let_through(batch, gauge)
    if not was_down and gauge.trial is None and (gauge.shut_until is None or gauge.shut_until <= batch.now):
        return Operated(changed=0)
    breakers.close(batch, gauge, cause=cause, of=Subject())
    return Operated(changed=1)


def _gauge(batch: Batch, name: str) -> Gauge | NotFound:
    """Return the gauge of a configured backend, or of a host that refused once."""
    limits, named = batch.capacity.limits, name.removeprefix(PREFIX)
    configured = limits.get(f"{PREFIX}{named}")
    if configured is not None:
        return batch.gauges.one(batch.gauges.find(configured))
    host = batch.one(_HOST, raw(HOSTS.name), raw(named)) if HOSTS.name in limits else None
    if host is not None:
        return batch.gauges.one(host[0])
    shown = safe_line(named)
    known = [one.removeprefix(PREFIX) for one in limits if one.startswith(PREFIX)]
    known += [key for (key,) in batch.rows(_HOSTS, raw(HOSTS.name))]
    return NotFound(
        "backend.unknown",
        f"`{shown}` is not a backend, nor a host that refused{one_of(named, known)}",
        hint="'taskdeck backends' lists them; [backends.NAME] of config.toml makes one",
        facts={"backend": shown},
    )
