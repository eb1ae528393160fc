"""ReadingControl: the verbs that read, from the store and output files.

Used by `LocalControl`, and by `core.app` where no engine runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from core.control import reading_api
from core.control.answers import Answers
from core.control.arguments import EventQuery
from core.control.bundle_answers import BundleAnswers
from core.control.comparison_answers import compare_jobs
from core.control.disk_answers import DiskAnswers, retention_of
from core.control.health_answers import HealthAnswers
from core.control.job_output_answers import outputs_of
from core.control.limit_answers import capacity_of, gauges_of
from core.control.nouns import (
    data,
    failures,
    history,
    ledger,
    limits,
    logs,
    notices,
    past,
    schedules,
    signals,
    upkeep,
    work_items,
    workflows,
)
from core.control.nouns.health import ReadHealth
from core.control.output_files import OutputFiles
from core.control.output_reading import OutputReading
from core.control.prediction_answers import PredictionAnswers
from core.control.prediction_requests import Predict
from core.control.reading_api import ReadingAPI
from core.control.requests import Kind, Request, verb_of
from core.control.schedule_answers import (
    all_schedules,
    downtime,
    fires_to_come,
    one_schedule,
    zone_here,
)
from core.control.sights import Sights
from core.control.sound_rows import SoundRows
from core.control.task_search import TaskSearch
from core.control.timeline_answers import runs_of, timeline_of
from core.control.wait_answers import WaitAnswers
from core.control.wire import check_answer
from core.host import effective_user
from core.model.actors import person_of, signed
from core.model.errors import Bug, TaskdeckError, Unavailable
from core.model.paths import Paths
from core.model.patterns.work_items import ITEMS_MAX
from core.model.records import replace
from core.model.status import TaskStatus
from core.store.damage import READING_ERRORS, may_be_damage
from core.store.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.model.events import EventView
    from core.model.patterns.work_items import WorkItems
    from core.model.views import JobDetail, Page, TaskDetail, TaskView
    from core.store.readers import Readers

R = TypeVar("R")


class ReadingControl(ReadingAPI):
    """Answer what needs no engine; raise `Unavailable` (`engine.none`) for all else.

    `readers` are closed with it; None = the owner of the reports closes their connections.
    """

    def __init__(
        self,
        reports: Reports,
        output_dir: Path,
        *,
        sights: Sights | None = None,
        readers: Readers | None = None,
    ) -> None:
        sights = sights or Sights()
        engine = self._engine = sights.engine
        self._reports = reports
        self._readers = readers
        self._waits = WaitAnswers(reports.waits, engine)
        self._predictions = PredictionAnswers(reports, engine, sights.planning)
        paths = Paths(home=output_dir.parent)
        self._health = HealthAnswers(reports, paths, engine=engine, sight=sights.health)
        self._files = OutputFiles(output_dir)
        self._bundles = BundleAnswers(output_dir.parent, engine)
        self._answers = self._answers_of(reports)
        self.sound_rows = SoundRows(
            reports.path,
            lambda spare: ReadingControl(Reports(spare), output_dir, sights=sights, readers=spare),
            hear=sights.damage,
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """What names the damaged rows that answers were given without, a sentence for each."""
        return tuple(row.message for row in self.sound_rows.damaged)

    async def ask(self, request: Request[R]) -> R:
        """Answer a request of `Kind.READ`."""
        verb = verb_of(request)
        if verb.kind is not Kind.READ:
            raise Unavailable(
                "engine.none",
                f"'{verb.name}' needs an engine",
                hint="start one with 'taskdeck serve', then try again",
                facts={"verb": verb.name},
            )
        try:
            return await self.ask_once(request)
        except (TaskdeckError, *READING_ERRORS) as error:
            if not may_be_damage(error):
                raise
            return await self.sound_rows.ask(request, error)

    async def ask_checked(self, request: Request[R]) -> R:
        """Answer what can be shown: without damaged rows where a value is of another kind than its field."""
        answer = await self.ask(request)
        try:
            return check_answer(answer, cast("type[R]", verb_of(request).answer))
        except Bug as error:
            return await self.sound_rows.ask(request, error)

    async def ask_once(self, request: Request[R]) -> R:
        """Answer a request of `Kind.READ` from the store as it is; raise what a damaged row brings about."""
        return await self._answers.ask(request)

    async def close(self) -> None:
        """Close the readers, if it owns them."""
        self._files.close()
        self._bundles.close()
        await self.sound_rows.close()
        if self._readers is not None:
            await self._readers.close()

    def _answers_of(self, reports: Reports) -> Answers:
        answers = Answers()
        answers.to(reading_api.Jobs, lambda r: reports.jobs.page(r.where, after=r.after, limit=r.limit))
        answers.to(reading_api.Job, lambda r: reports.jobs.view(r.job_id))
        answers.to(reading_api.JobDetail, self._job_detail)
        answers.to(reading_api.Tasks, self._tasks)
        answers.to(data.Instances, self._instances)
        answers.to(reading_api.Task, self._task)
        answers.to(reading_api.FindTask, lambda r: reports.tasks.find(r.ref))
        answers.to(reading_api.Groups, lambda r: reports.tasks.groups(limit=r.limit))
        answers.to(reading_api.Queues, lambda _: reports.queues.all())
        answers.to(limits.Capacity, lambda _: capacity_of(reports))
        answers.to(limits.Gauges, lambda r: gauges_of(reports.limits, r.name, after=r.after, limit=r.limit))
        answers.to(ReadHealth, lambda _: self._health.now())
        answers.to(ledger.Entries, lambda r: reports.entries.page(r.query, after=r.after, limit=r.limit))
        answers.to(
            notices.ListNotices,
            lambda r: reports.notices.page(before=r.before, status=r.status, limit=r.limit),
        )
        answers.to(schedules.ListSchedules, lambda _: all_schedules(reports))
        answers.to(schedules.GetSchedule, lambda r: one_schedule(reports, r.name))
        answers.to(schedules.ExpectedWorkflows, lambda _: reports.schedules.expected_workflows())
        answers.to(schedules.GetDowntime, lambda _: downtime(reports, self._engine))
        answers.to(schedules.FiresToCome, lambda r: fires_to_come(r.timing, now=reports.schedules.now()))
        answers.to(schedules.MachineZone, lambda _: zone_here())
        answers.to(schedules.Fires, lambda r: reports.schedules.fires(r.name, after=r.after, limit=r.limit))
        answers.to(signals.ListSignals, lambda r: reports.signals.list(limit=r.limit))
        _answer_of_items(answers, reports)
        answers.to(workflows.ListWorkflows, lambda r: reports.workflows.list(limit=r.limit, part=r.part))
        answers.to(workflows.GetWorkflow, lambda r: reports.workflows.one(r.name, r.version))
        answers.to(reading_api.Events, self._events)
        outputs = OutputReading(reports, self._files)
        answers.to(logs.Log, outputs.chunk)
        answers.to(logs.LogLines, outputs.lines)
        answers.to(logs.FindInLog, outputs.find)
        answers.to(logs.CountInLog, outputs.count)
        answers.to(logs.FindInLogs, TaskSearch(reports, self._files).find)
        answers.to(reading_api.Count, lambda r: reports.totals.count(r.where))
        answers.to(
            reading_api.Preview,
            lambda r: reports.targets.preview(r.where, as_of=r.as_of, excluding=r.excluding),
        )
        answers.to(reading_api.Pulse, lambda r: reports.pulse.last(minutes=r.minutes))
        answers.to(reading_api.Why, lambda r: self._waits.task(r.task_id))
        answers.to(reading_api.WhyJob, lambda r: self._waits.job(r.job_id))
        answers.to(Predict, self._predictions.predict)
        answers.to(reading_api.Timeline, lambda r: timeline_of(reports, r.job_id, offset=r.offset))
        answers.to(reading_api.Runs, lambda r: runs_of(reports, r.workflow, limit=r.limit))
        answers.to(failures.Families, lambda r: reports.failures.families(r.scope, limit=r.limit))
        _answer_of_data(answers, reports, self._files.outputs.root)
        _answer_of_the_past(answers, reports)
        answers.to(ledger.Usage, lambda r: reports.usage.of(r.query))
        answers.to(upkeep.Retention, lambda _: retention_of(reports, self._files.outputs.root.parent))
        answers.to(upkeep.Disk, lambda _: DiskAnswers(reports, self._files.outputs.root.parent).disk())
        answers.to(reading_api.BundleRows, self._bundles.page)
        answers.to(reading_api.Definition, lambda r: reports.jobs.definition(r.job_id))
        return answers

    async def _tasks(self, request: reading_api.Tasks) -> Page[TaskView]:
        page = await self._reports.tasks.page(request.where, after=request.after, limit=request.limit)
        return await self._told(page)

    async def _instances(self, request: data.Instances) -> Page[TaskView]:
        page = await self._reports.instances.page(request.group_id, after=request.after, limit=request.limit)
        return await self._told(page)

    async def _told(self, page: Page[TaskView]) -> Page[TaskView]:
        """Return a page with why its tasks wait, and how long those that run usually take."""
        return replace(page, rows=await self._usual(await self._waits.told(page.rows)))

    async def _task(self, request: reading_api.Task) -> TaskDetail:
        detail = await self._reports.tasks.detail(request.task_id)
        (task,) = await self._waits.told([detail.task])
        usual = await self._reports.run_times.usual([task.id])
        return replace(detail, task=replace(task, usual=usual.get(task.id)))

    async def _job_detail(self, request: reading_api.JobDetail) -> JobDetail:
        detail = await self._reports.jobs.detail(request.job_id)
        told = await self._usual(await self._waits.told([one.task for one in detail.tasks]))
        tasks = tuple(replace(one, task=task) for one, task in zip(detail.tasks, told, strict=True))
        return replace(detail, tasks=tasks)

    async def _usual(self, views: Sequence[TaskView]) -> tuple[TaskView, ...]:
        """Return these tasks, those that run with how long they usually take."""
        running = [view.id for view in views if view.status == TaskStatus.RUNNING]
        usual = await self._reports.run_times.usual(running) if running else {}
        return tuple(replace(view, usual=usual[view.id]) if view.id in usual else view for view in views)

    async def _events(self, request: reading_api.Events) -> Page[EventView]:
        query, events = request.query or EventQuery(), self._reports.events
        if query.around and query.job_id is not None:
            return await events.story(
                query.job_id, query.filter, after_id=request.after_id, limit=request.limit
            )
        return await events.page(
            query.filter,
            job_id=query.job_id,
            task_id=query.task_id,
            after_id=request.after_id,
            limit=request.limit,
        )


def _answer_of_data(answers: Answers, reports: Reports, folder: Path) -> None:
    answers.to(data.Variables, lambda r: reports.variables.of_job(r.job_id))
    answers.to(data.Outputs, lambda r: outputs_of(reports, folder, r.job_id))
    answers.to(
        data.Artifacts,
        lambda r: reports.artifacts.of_job(r.job_id, task_id=r.task_id, after=r.after, limit=r.limit),
    )


def _answer_of_the_past(answers: Answers, reports: Reports) -> None:
    answers.to(past.PastCounts, lambda r: reports.past.moment(r.at))
    answers.to(
        past.PastJobs,
        lambda r: reports.past.jobs(r.event, r.where, after=r.after, limit=r.limit),
    )
    answers.to(
        past.PastTasks,
        lambda r: reports.past.tasks(r.event, r.where, after=r.after, limit=r.limit),
    )
    answers.to(history.GetJobAt, lambda r: reports.replays.job(r.job_id, event=r.event, at=r.at))
    answers.to(
        history.TasksAt,
        lambda r: reports.replays.tasks(r.job_id, r.event, after=r.after, limit=r.limit),
    )
    answers.to(history.CompareJobs, lambda r: compare_jobs(reports, r.before, r.after))


def _answer_of_items(answers: Answers, reports: Reports) -> None:
    answers.to(work_items.ListWorkItems, lambda r: _items(reports, r))
    answers.to(work_items.GetWorkItem, lambda r: reports.work_items.one(r.item_id))
    answers.to(work_items.FindWorkItem, lambda r: _find_item(reports, r.ref))


async def _find_item(reports: Reports, ref: str) -> int:
    return await reports.work_items.of_task(await reports.tasks.find(ref))


async def _items(reports: Reports, request: work_items.ListWorkItems) -> WorkItems:
    person = person_of(signed(request.actor, effective_user()))
    limit = max(1, min(ITEMS_MAX, request.limit))
    return await reports.work_items.list(request.scope, person=person, limit=limit)
