"""LiveSettings: parts of an engine that take changed settings.

Called at each reload. Every setting that is here is read at a reload, `core.config.settings.read_at` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.engine.attempts.attempt import Timeouts
from core.engine.attempts.completion import RetryLimits
from core.executors.output_cap import OutputCap
from core.host import own_surroundings
from core.logs import change_level
from core.model.plans import OnOverflow

if TYPE_CHECKING:
    from core.config import Settings
    from core.config.checks import Configuration
    from core.connectors.registry import Registry
    from core.engine.admissions.admission import Admission
    from core.engine.attempts.completion import Completion
    from core.engine.attempts.runner import Runner
    from core.engine.attempts.task_results import TaskResults
    from core.engine.attempts.task_surroundings import TaskSurroundings
    from core.engine.attempts.usage_reports import UsageReports
    from core.engine.housekeeping.upkeep import Upkeep
    from core.engine.monitoring.health import HealthWatch
    from core.engine.shutdown import Shutdown
    from core.executors.child import ChildExecutor
    from core.store.writer import Writer


def timeouts_of(settings: Settings) -> Timeouts:
    """Return how long attempts may take."""
    return Timeouts(default=settings.default_timeout, cancel_grace=settings.cancel_grace)


def retry_limits_of(settings: Settings) -> RetryLimits:
    """Return after how many losses and bounces a task is given up."""
    return RetryLimits(max_losses=settings.max_losses, max_bounces=settings.max_bounces)


def output_cap_of(settings: Settings) -> OutputCap:
    """Return how much of an output is kept."""
    return OutputCap(size=settings.output_cap, policy=OnOverflow(settings.output_policy))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """The parts of one engine that take changed settings."""

    admission: Admission
    children: ChildExecutor
    completion: Completion
    health: HealthWatch
    upkeep: Upkeep
    registry: Registry
    results: TaskResults
    runner: Runner
    shutdown: Shutdown
    surroundings: TaskSurroundings
    usage: UsageReports
    writer: Writer

    async def take(self, configuration: Configuration) -> None:
        """Give every part what is configured now; slots are in the pools, which the store has."""
        settings = configuration.settings
        self.runner.change_timeouts(timeouts_of(settings))
        self.shutdown.grace = settings.stop_grace
        self.completion.limits = retry_limits_of(settings)
        self.writer.manual_retries = settings.manual_retries
        self.children.change_cap(output_cap_of(settings))
        self.results.artifacts.most = settings.artifact_cap
        self.upkeep.janitor.quota = settings.output_quota
        self.upkeep.retention.policy = configuration.capacity.retention
        self.admission.allow(settings.env_allow)
        self.surroundings.own = own_surroundings().allowed(settings.env_allow)
        self.registry.take(settings)
        self.usage.prices = configuration.capacity.prices
        change_level(settings.log_level)
        await self.health.change(configuration.capacity, configuration.health)
