"""Metrics written as OpenMetrics: the only user of prometheus_client.

Used by the endpoint and the command `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from core.app.metrics.reading import MetricFacts
from core.model.backend_checks import CheckStatus
from core.model.health import Measure
from core.model.limits.backends import shown_name
from core.model.limits.limit_views import BreakerState
from core.model.limits.limits import MICRO, LimitKind
from core.model.version import VERSION
from core.render.backend_shapes import backend_rows
from core.render.health_lines import subject_lines

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_MS = 1_000
_MEASURES = {
    Measure.LOAD: ("taskdeck_load_per_processor", "Processes that run or wait, for each processor", 1),
    Measure.MEMORY: ("taskdeck_memory_available_ratio", "The share of the memory that is available", 1),
    Measure.DISK: ("taskdeck_disk_free_bytes", "Free room where the data directory is", 1),
    Measure.OUTPUTS: ("taskdeck_outputs_disk_free_bytes", "Free room where the outputs are", 1),
    Measure.INODES: ("taskdeck_inodes_free_ratio", "The share of the inodes that is free", 1),
    Measure.STORE: ("taskdeck_store_bytes", "The size of the store", 1),
    Measure.WAL: ("taskdeck_wal_bytes", "The size of the write-ahead log", 1),
    Measure.LOOP: ("taskdeck_loop_lag_seconds", "The longest turn of the loop since the last sample", _MS),
    Measure.READER: ("taskdeck_oldest_reader_seconds", "The age of the oldest reader", _MS),
    Measure.CLOCK: ("taskdeck_clock_step_seconds", "By how much the wall clock was set lately", _MS),
}
"""Name, help, and what its value is divided by."""


def exposition(facts: MetricFacts) -> bytes:
    """Return all metrics as text; names of users stand in labels, escaped."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(cast("Collector", _Facts(facts)))
    write: Callable[[CollectorRegistry], bytes] = generate_latest
    return write(registry)


class _Facts:
    """Metrics of facts that were read before."""

    def __init__(self, facts: MetricFacts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield the families in a fixed order."""
        yield from _engine(self._facts)
        yield from _tasks(self._facts)
        yield from _pools(self._facts)
        yield from _budgets(self._facts)
        yield from _backends(self._facts)
        yield from _schedules(self._facts)
        yield from _measures(self._facts)


def _engine(facts: MetricFacts) -> Iterator[Metric]:
    engine, known = facts.health.engine, facts.health.known
    yield InfoMetricFamily("taskdeck", "The release that answers", value={"version": VERSION})
    states = ("serving", "draining", "stopping", "silent", "none")
    yield StateSetMetricFamily(
        "taskdeck_engine_state", "How the engine does", value={one: one == engine.state for one in states}
    )
    yield _gauge("taskdeck_claims_closed", "Reasons why nothing is claimed", len(engine.closed))
    health = _labelled("taskdeck_health", "0 ok, 1 warning, 2 critical", "subject")
    for line in subject_lines(facts.health):
        health.add_metric([line.subject], line.state.rank)
    yield health
    if known is None:
        return
    yield _gauge("taskdeck_engine_start_seconds", "When the engine began", known.started_at / _MS)
    yield _gauge("taskdeck_engine_resident_bytes", "Memory that the engine holds", known.rss)
    yield CounterMetricFamily("taskdeck_loop_blocks", "Times that the loop was blocked", known.blocks)
    yield CounterMetricFamily("taskdeck_claims", "Attempts that were claimed", known.claims)
    yield CounterMetricFamily("taskdeck_commits", "Transactions of the writer", known.commits)
    name, told = "taskdeck_commit_seconds", "Time that commands waited for their transactions"
    yield CounterMetricFamily(name, told, known.commit_ms / _MS)
    if known.output_bytes is not None:
        yield _gauge("taskdeck_output_bytes", "Bytes of outputs on the disk", known.output_bytes)


def _tasks(facts: MetricFacts) -> Iterator[Metric]:
    tasks = _labelled("taskdeck_tasks", "Tasks", "status")
    for status, number in sorted(facts.health.tasks.items()):
        tasks.add_metric([status], number)
    yield tasks
    queued = _labelled("taskdeck_queue_tasks", "Tasks of a queue", "queue", "status")
    paused = _labelled("taskdeck_queue_paused", "Whether a queue is paused", "queue")
    for queue in facts.queues:
        paused.add_metric([queue.name], queue.paused_at is not None)
        for status, number in sorted(queue.tasks.items()):
            queued.add_metric([queue.name, status], number)
    yield queued
    yield paused
    yield _gauge("taskdeck_tasks_lost", "Tasks whose end was not seen", facts.health.lost)
    ended = _labelled("taskdeck_ended_tasks", "Tasks that ended within the last whole minute", "status")
    for status, number in sorted(facts.pulse.rates[-2].ended.items() if len(facts.pulse.rates) > 1 else ()):
        ended.add_metric([status], number)
    yield ended


def _pools(facts: MetricFacts) -> Iterator[Metric]:
    slots = _labelled("taskdeck_pool_slots", "Slots of a pool", "pool")
    taken = _labelled("taskdeck_pool_attempts", "Attempts that are open in a pool", "pool")
    for pool in facts.capacity.pools:
        slots.add_metric([pool.name], pool.slots)
        taken.add_metric([pool.name], pool.taken)
    yield slots
    yield taken


def _budgets(facts: MetricFacts) -> Iterator[Metric]:
    labels = ("budget", "key", "unit")
    used = _labelled("taskdeck_budget_used", "What is settled in this window", *labels)
    held = _labelled("taskdeck_budget_reserved", "What is reserved or unknown", *labels)
    most = _labelled("taskdeck_budget_max", "The maximum of this window", *labels)
    for limit in facts.capacity.limits:
        if limit.kind is not LimitKind.BUDGET:
            continue
        for gauge in limit.gauges:
            named = [limit.name, gauge.key, limit.unit]
            used.add_metric(named, gauge.used / MICRO)
            held.add_metric(named, (gauge.reserved + gauge.unknown) / MICRO)
            most.add_metric(named, gauge.max / MICRO)
    yield used
    yield held
    yield most
    yield _gauge("taskdeck_spending_stopped", "Whether all spending is stopped", facts.health.is_frozen)


def _backends(facts: MetricFacts) -> Iterator[Metric]:
    open_ = _labelled("taskdeck_backend_open", "Whether all goes to a backend", "backend")
    waiting = _labelled("taskdeck_backend_waiting_tasks", "Tasks that wait for a backend", "backend")
    for limit, gauge in backend_rows(facts.capacity):
        name = shown_name(limit, "" if gauge is None else gauge.key)
        open_.add_metric([name], gauge is None or gauge.breaker is BreakerState.CLOSED)
        waiting.add_metric([name], 0 if gauge is None else gauge.tasks)
    up = _labelled("taskdeck_backend_up", "Whether its check says up or slow", "backend")
    took = _labelled("taskdeck_backend_look_seconds", "How long its last look took", "backend")
    for one in facts.health.checks:
        if one.status is not CheckStatus.UNKNOWN:
            up.add_metric([one.backend], one.status is not CheckStatus.DOWN)
        if one.last is not None:
            took.add_metric([one.backend], one.last.look.took_ms / _MS)
    yield from (open_, waiting, up, took)


def _schedules(facts: MetricFacts) -> Iterator[Metric]:
    yield _gauge("taskdeck_schedules", "Schedules that will fire", facts.health.schedules)
    yield _gauge("taskdeck_schedules_overdue", "Schedules that should have fired", facts.health.overdue)
    yield _gauge("taskdeck_fires_missed", "Times that were missed within a day", facts.health.missed)


def _measures(facts: MetricFacts) -> Iterator[Metric]:
    known = facts.health.known
    for one in facts.health.measures if known is None else known.measures:
        name, told, parts = _MEASURES[one.measure]
        yield _gauge(name, told, one.value / parts)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=float(value))


def _labelled(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, labels=labels)
