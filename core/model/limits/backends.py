"""Backends as limits without a cap, whose gauges can be shut.

Made where the store is brought to what is configured; the claim sees limits only.
"""

from __future__ import annotations

from core.model.limits.limit_views import LimitView
from core.model.limits.limits import Backend, Dimension, Limit, LimitKind

NO_CAP = 1_000_000_000
"""Open attempts that no store ever has."""
PREFIX = "backend:"
"""No name that is configured has a colon."""
RETRIES = "retry:"
RETRY_EVERY_US = 10_000_000
"""One retry may start in so long, however few starts there were."""
HOSTS = Limit(
    name="http:host",
    kind=LimitKind.CONCURRENCY,
    max=NO_CAP,
    on={Dimension.CONNECTOR: "http"},
    by=Dimension.HOST,
)
"""One gauge for each host of http calls; in a store from the first refusal of any host on."""


def limit_of(backend: Backend) -> Limit:
    """Return the limit as which a store knows a backend."""
    return Limit(
        name=f"{PREFIX}{backend.name}",
        kind=LimitKind.CONCURRENCY,
        max=NO_CAP,
        on=backend.match,
        backend=backend,
    )


def retries_of(backend: Backend) -> Limit:
    """Return the limit under which the retries of a backend are."""
    return Limit(
        name=f"{RETRIES}{backend.name}",
        kind=LimitKind.RETRIES,
        max=NO_CAP,
        step_us=RETRY_EVERY_US,
        on=backend.match,
        backend=backend,
    )


def is_backend(limit: Limit | LimitView) -> bool:
    """Return whether what it lets through are calls of an outside system, which may refuse."""
    return limit.name == HOSTS.name or (limit.backend is not None and limit.kind is LimitKind.CONCURRENCY)


def shown_name(limit: Limit | LimitView, key: str) -> str:
    """Return what operators call the backend of a gauge: its configured name, or the host."""
    return key if limit.backend is None else limit.backend.name
