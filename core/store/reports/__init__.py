"""Reports: the read models of a store, one file for each.

Used by the control and the engine.
"""

from __future__ import annotations

from collections.abc import Callable

from core.store.readers import Readers
from core.store.reports.artifacts import ArtifactReports
from core.store.reports.attempts import AttemptReports, LostReports
from core.store.reports.child_inputs import ChildInputReports
from core.store.reports.conditions import ConditionReports
from core.store.reports.expression_inputs import ExpressionReports
from core.store.reports.failures import FailureReports
from core.store.reports.forgettable import ForgettableReports
from core.store.reports.health import HealthReports
from core.store.reports.instances import InstanceReports
from core.store.reports.jobs import JobReports
from core.store.reports.limits.arrivals import ArrivalReports
from core.store.reports.limits.binding import BindingReports
from core.store.reports.limits.checks import CheckReports
from core.store.reports.limits.entries import EntryReports
from core.store.reports.limits.limits import LimitReports
from core.store.reports.limits.pools import PoolReports
from core.store.reports.limits.usage import UsageReports
from core.store.reports.lookouts import LookoutReports
from core.store.reports.notices import NoticeReports
from core.store.reports.outcomes import OutcomeReports
from core.store.reports.past.comparisons import ComparisonReports
from core.store.reports.past.events import EventReports
from core.store.reports.past.past import PastReports
from core.store.reports.past.replays import ReplayReports
from core.store.reports.past.timelines import TimelineReports
from core.store.reports.planned_tasks import PlannedTaskReports
from core.store.reports.pulse import PulseReports
from core.store.reports.queues import QueueReports
from core.store.reports.repairs import RepairReports
from core.store.reports.retention import RetentionReports
from core.store.reports.run_times import RunTimeReports
from core.store.reports.schedules import ScheduleReports
from core.store.reports.signals import SignalReports
from core.store.reports.source import Source, wall_clock
from core.store.reports.surroundings import SurroundingsReports
from core.store.reports.targets import TargetReports
from core.store.reports.tasks import TaskReports
from core.store.reports.totals import TotalReports
from core.store.reports.upkeep import UpkeepReports
from core.store.reports.variables import VariableReports
from core.store.reports.waits import WaitReports
from core.store.reports.work_items import WorkItemReports
from core.store.reports.workflows import WorkflowReports


class Reports:
    """Each method of a read model reads one snapshot with a fixed number of statements.

    Pages are keyset pages: give `next` of a page as `after`, with the same filter and order. All
    raise `Unavailable` (see `Readers.snapshot`).
    """

    def __init__(self, readers: Readers, *, now: Callable[[], int] = wall_clock) -> None:
        self.path = readers.path
        source = Source(readers=readers, now=now)
        self.jobs = JobReports(source)
        self.tasks = TaskReports(source)
        self.events = EventReports(source)
        self.signals = SignalReports(source)
        self.lookouts = LookoutReports(source)
        self.queues = QueueReports(source)
        self.pools = PoolReports(source)
        self.limits = LimitReports(source)
        self.checks = CheckReports(source)
        self.health = HealthReports(source)
        self.totals = TotalReports(source)
        self.failures = FailureReports(source)
        self.targets = TargetReports(source)
        self.pulse = PulseReports(source)
        self.waits = WaitReports(source)
        self.arrivals = ArrivalReports(source)
        self.planned_tasks = PlannedTaskReports(source)
        self.usage = UsageReports(source)
        self.entries = EntryReports(source)
        self.timelines = TimelineReports(source)
        self.past = PastReports(source)
        self.comparisons = ComparisonReports(source)
        self.replays = ReplayReports(source)
        self.run_times = RunTimeReports(source)
        self.lost = LostReports(source)
        self.attempts = AttemptReports(source)
        self.binding = BindingReports(source)
        self.conditions = ConditionReports(source)
        self.child_inputs = ChildInputReports(source)
        self.expressions = ExpressionReports(source)
        self.instances = InstanceReports(source)
        self.notices = NoticeReports(source)
        self.outcomes = OutcomeReports(source)
        self.surroundings = SurroundingsReports(source)
        self.repairs = RepairReports(source)
        self.schedules = ScheduleReports(source)
        self.upkeep = UpkeepReports(source)
        self.retention = RetentionReports(source)
        self.variables = VariableReports(source)
        self.forgettable = ForgettableReports(source)
        self.work_items = WorkItemReports(source)
        self.artifacts = ArtifactReports(source)
        self.workflows = WorkflowReports(source)
