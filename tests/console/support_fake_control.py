"""A fake control in memory: rows filtered and paged, verbs recorded."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TypeVar, cast

from console.rows.sort_order import is_by_id
from core.control import api, operator_requests, reading_api
from core.control.api import ControlAPI, EventQuery, Kind, Request, Target
from core.control.arguments import DocumentSource
from core.control.nouns import data, failures, history, ledger, orphans, past, workflows
from core.control.nouns.configuration import ReloadConfig
from core.control.nouns.signals import ListSignals, SendSignal
from core.control.prediction_requests import Predict
from core.control.requests import verb_of
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.commands.limits import Charged
from core.model.commands.signals import Signalled
from core.model.commands.work import Effect, Enqueued, Operated, Submitted
from core.model.commands.workflows import WorkflowAdded, WorkflowRemoved
from core.model.comparisons import JobComparison
from core.model.config_changes import Reloaded
from core.model.counts import Count, Preview
from core.model.errors import Invalid, NotFound, TaskdeckError, Unavailable
from core.model.events import KINDS, EventView
from core.model.failures import Acknowledgement, FamilyList
from core.model.limits.limits import Price
from core.model.limits.usage_views import UsageView
from core.model.orphans import OrphanKind, OrphanView
from core.model.past import PastJob, PastTask, PastView
from core.model.patterns.artifacts import KeptArtifact
from core.model.patterns.signal_views import SignalsView
from core.model.patterns.workflow_views import RegisteredText, RegisteredView, VersionView, WorkflowView
from core.model.predictions import PredictionView
from core.model.pulse import PulseView
from core.model.records import replace
from core.model.refusals import RETRY_LIMIT, refuse_task
from core.model.replay import JobAt
from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.timelines import RunCell, RunRow, RunsView, Segment, TaskBar, TimelineView
from core.model.views import (
    Changes,
    EngineInfo,
    GroupView,
    JobDetail,
    JobOutputs,
    JobResult,
    JobView,
    Page,
    QueueView,
    TaskDetail,
    TaskView,
    VariableView,
)
from core.model.waits import JobWaits, Reason, ReasonGroup, TaskWaits, WaitCode
from tests.console.support_fake_insight import families_of, pulse_of
from tests.console.support_fake_items import FakeItems
from tests.console.support_fake_past import (
    comparison_of,
    job_at_of,
    past_jobs_of,
    past_of,
    past_tasks_of,
    tasks_at_of,
)
from tests.console.support_fake_rows import INFO, NOW, page

__all__ = ["INFO", "NOW", "FakeControl"]

R = TypeVar("R")

OFTEN = "maximum retry limit reached"


class FakeControl(FakeItems, ControlAPI):
    """ControlAPI over dictionaries; `asked` holds the verbs, `reads` counts the questions.

    Each request is answered by the method `answer_` and the name of its verb.
    `changes` waits for at most `patience` seconds; `searched` cuts counts and lists to so many newest rows;
    `described` are the documents that `describe` knows, by path or name, or the error it raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, object]] = []
        self.often: set[int] = set()
        """Tasks that were retried as often as they may be."""
        self.reads: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.rehearsed: list[str] = []
        self.rehearsal = Operated(changed=0)
        self.patience = 0.0
        self.searched: int | None = None
        self.runs_view: RunsView | None = None
        """What is told of the runs of any workflow; None = those of the jobs."""
        self.prediction: PredictionView | None = None
        self.then: dict[int, str] = {}
        """How tasks stood at any earlier moment, by id, where not as now."""
        self.bars: dict[int, TaskBar] = {}
        self.waits: dict[int, TaskWaits] = {}
        self.described: dict[str, WorkflowView | TaskdeckError] = {}
        self.artifact_rows: dict[int, list[KeptArtifact]] = {}
        """Files that tasks left, by job, in order."""
        self.registered: dict[str, str] = {}
        """Texts of registered workflows, by name."""

    async def ask(self, request: Request[R]) -> R:
        verb = verb_of(request)
        # What a backfill would fire for, and a purge would take, are answers of their own.
        is_rehearsal = getattr(request, "effect", Effect.CHANGE) is Effect.NONE
        if is_rehearsal and verb.name not in ("backfill_schedule", "purge"):
            self.rehearsed.append(verb.name)
            return cast("R", self.rehearsal)
        if verb.kind is Kind.READ or verb.name in ("orphans", "changes"):
            self._read(verb.name)
        if verb.kind is not Kind.READ:
            self._answer()
        return await getattr(self, f"answer_{verb.name}")(request)

    async def close(self) -> None:
        return

    async def answer_jobs(self, r: reading_api.Jobs):
        return self._page(r.where or Filter(noun=Noun.JOBS), r.after, r.limit)

    async def answer_job(self, r: reading_api.Job) -> JobView:
        self._known_job(r.job_id)
        return self.job_view(r.job_id)

    async def answer_job_detail(self, r: reading_api.JobDetail) -> JobDetail:
        self._known_job(r.job_id)
        return JobDetail(
            job=self.job_view(r.job_id),
            stages=tuple(stage for stage in self.stage_rows.values() if stage.job_id == r.job_id),
            tasks=tuple(
                self.task_detail(task.id) for task in self._tasks_of(r.job_id) if task.group_task is None
            ),
            children=self.children.get(r.job_id, ()),
        )

    async def answer_tasks(self, r: reading_api.Tasks):
        return self._page(r.where or Filter(noun=Noun.TASKS), r.after, r.limit)

    async def answer_instances(self, r: data.Instances) -> Page[TaskView]:
        rows = [task for task in self.task_rows.values() if task.group_task == r.group_id]
        first = 0 if r.after is None else int(r.after) + 1
        last = first + r.limit
        return Page(rows=tuple(rows[first:last]), next=str(last - 1) if len(rows) > last else None)

    async def answer_task(self, r: reading_api.Task) -> TaskDetail:
        self._known_task(r.task_id)
        return self.task_detail(r.task_id)

    async def answer_find_task(self, r: reading_api.FindTask) -> int:
        ids = [task.id for task in self.task_rows.values() if r.ref in (str(task.id), task.key)]
        if not ids:
            raise NotFound("task.unknown", f"no task {r.ref}")
        return ids[0]

    async def answer_groups(self, r: reading_api.Groups):
        rows: dict[str, list[TaskView]] = {}
        for task in reversed(self.task_rows.values()):
            if task.group is not None:
                rows.setdefault(task.group, []).append(task)
        views = [
            GroupView(
                name=name,
                tasks=Counter(task.status for task in tasks),
                created_at=min(task.created_at for task in tasks),
            )
            for name, tasks in rows.items()
        ]
        return Page(rows=tuple(views[: r.limit]))

    async def answer_queues(self, _: reading_api.Queues) -> tuple[QueueView, ...]:
        return self.queue_views()

    async def answer_events(self, r: reading_api.Events):
        query = r.query or EventQuery()
        where = query.filter or Filter(noun=Noun.EVENTS)
        descending = bool(where.sort and where.sort.descending)
        found = self.found(where)
        rows = [
            event
            for event in (reversed(found) if descending else found)
            if (event.id < r.after_id or not r.after_id if descending else event.id > r.after_id)
            and (query.job_id in (None, event.job_id) or (query.around and event.job_id is None))
            and query.task_id in (None, event.task_id)
        ]
        shown: tuple[EventView, ...] = tuple(rows[: r.limit])
        return Page(rows=shown, next=str(shown[-1].id) if len(rows) > r.limit else None)

    async def answer_count(self, r: reading_api.Count) -> Count:
        found = self.found(r.where)
        if self.searched is None or not r.where.terms:
            return Count(number=len(found))
        oldest = max((view.id for view in self.rows_of(r.where.noun)), default=0) - self.searched
        return Count(number=sum(view.id > oldest for view in found), searched=self.searched)

    async def answer_preview(self, r: reading_api.Preview) -> Preview:
        if r.where.noun is not Noun.TASKS:
            raise Invalid("target.unfit", f"a verb acts on tasks, not on {r.where.noun}")
        at = self.last_event if r.as_of is None else r.as_of
        meant = self.meant(Target(filter=r.where, as_of=at, excluding=r.excluding))
        late = [task for task in self.found(r.where) if self.changed_at(task.id) > at]
        return Preview(
            as_of=at,
            number=len(meant),
            by_status=Counter(self.task_rows[number].status for number in meant),
            first=tuple(sorted(meant)[:5]),
            since=len(late),
        )

    async def answer_pulse(self, r: reading_api.Pulse) -> PulseView:
        return pulse_of(self, r.minutes)

    async def answer_failures(self, r: failures.Families) -> FamilyList:
        families = families_of(self)
        return FamilyList(
            families=families[: r.limit],
            tasks=sum(family.tasks for family in families),
            searched=None,
            known=sum(family.known for family in families),
        )

    async def answer_acknowledge(self, r: failures.Acknowledge) -> Operated:
        self.asked.append(("acknowledge", (r.families, r.for_ms)))
        for family in r.families:
            until = None if r.for_ms is None else NOW + r.for_ms
            self.known_families[family] = Acknowledgement(
                by=r.actor, at=NOW, reason=r.reason or None, until=until, since=0
            )
            self.note("family.acknowledged")
        return Operated(changed=len(r.families))

    async def answer_unacknowledge(self, r: failures.Unacknowledge) -> Operated:
        self.asked.append(("unacknowledge", r.families))
        for family in r.families:
            self.known_families.pop(family, None)
            self.note("family.unacknowledged")
        return Operated(changed=len(r.families))

    async def answer_why(self, r: reading_api.Why) -> TaskWaits:
        self._known_task(r.task_id)
        task = self.task_rows[r.task_id]
        if r.task_id in self.waits:
            return self.waits[r.task_id]
        reasons = () if task.waits_for is None else (_reason(task.waits_for),)
        return TaskWaits(
            task_id=task.id,
            job_id=task.job_id,
            key=task.key,
            status=task.status,
            reasons=reasons,
            summary=f"it is {task.status}",
        )

    async def answer_why_job(self, r: reading_api.WhyJob) -> JobWaits:
        self._known_job(r.job_id)
        job = self.job_view(r.job_id)
        waiting = [task for task in self._tasks_of(r.job_id) if task.waits_for]
        return JobWaits(
            job_id=job.id,
            name=job.name,
            status=job.status,
            waiting=len(waiting),
            tasks=job.tasks,
            groups=tuple(
                ReasonGroup(reason=_reason(task.waits_for or ""), tasks=1, example=task.id)
                for task in waiting
            ),
            summary=f"{len(waiting)} wait",
        )

    async def answer_predict(self, r: Predict) -> PredictionView:
        if self.prediction is None:
            raise Unavailable("predict.bundle", "nothing is predicted")
        return self.prediction

    async def answer_timeline(self, r: reading_api.Timeline) -> TimelineView:
        self._known_job(r.job_id)
        tasks = self._tasks_of(r.job_id)
        return TimelineView(
            job=self.job_view(r.job_id),
            bars=tuple(self.bars.get(task.id, bar_of(task)) for task in tasks)[r.offset :][: self.searched],
            critical=tuple(task.id for task in tasks[-1:]),
            searched=self.searched,
            first=r.offset,
        )

    async def answer_runs(self, r: reading_api.Runs) -> RunsView:
        if self.runs_view is not None:
            return self.runs_view
        found = [job for job in reversed(self.job_rows.values()) if job.name == r.workflow]
        if not found:
            raise NotFound("workflow.unknown", f"no job is called {r.workflow}")
        runs = tuple(self.job_view(job.id) for job in found[: r.limit])
        cells = [
            {
                task.key: RunCell(task_id=task.id, status=task.status, took=None)
                for task in self._tasks_of(job.id)
            }
            for job in runs
        ]
        keys = dict.fromkeys(key for run in cells for key in run)
        rows = tuple(RunRow(key=key, cells=tuple(run.get(key) for run in cells)) for key in keys)
        return RunsView(workflow=r.workflow, runs=runs, rows=rows)

    async def answer_past(self, r: past.PastCounts) -> PastView:
        return past_of(self, r.at, self.then)

    async def answer_past_jobs(self, r: past.PastJobs) -> Page[PastJob]:
        return past_jobs_of(self, r)

    async def answer_past_tasks(self, r: past.PastTasks) -> Page[PastTask]:
        return past_tasks_of(self, r, self.then)

    async def answer_job_at(self, r: history.GetJobAt) -> JobAt:
        self._known_job(r.job_id)
        detail = await self.answer_job_detail(reading_api.JobDetail(job_id=r.job_id))
        return job_at_of(self, r, self.then, detail.stages)

    async def answer_compare_jobs(self, r: history.CompareJobs) -> JobComparison:
        for number in (r.after, r.before or r.after):
            self._known_job(number)
        return comparison_of(self, r)

    async def answer_tasks_at(self, r: history.TasksAt) -> Page[TaskDetail]:
        return tasks_at_of(self, r, self.then)

    async def answer_definition(self, r: reading_api.Definition):
        self._known_job(r.job_id)
        return {"name": self.job_rows[r.job_id].name}

    async def answer_submit(self, r: api.Submit) -> Submitted:
        name = (r.options and r.options.name) or _name_of(r.document)
        self.asked.append(("submit", (name, dict(r.params))))
        return Submitted(job_id=self.add_job(name))

    async def answer_enqueue(self, r: api.Enqueue | api.EnqueueOnce) -> tuple[int, ...]:
        return tuple(self.add_task(1, spec.key or "t", group=r.group) for spec in r.specs)

    async def answer_enqueue_once(self, r: api.EnqueueOnce) -> Enqueued:
        return Enqueued(task_ids=await self.answer_enqueue(r))

    async def answer_cancel(self, r: operator_requests.Cancel) -> Operated:
        if r.target.job_id:
            return self._move_job("cancel", r.target, status="cancelled")
        return self._move("cancel", r.target, status="cancelled")

    async def answer_kill(self, r: operator_requests.Kill) -> Operated:
        self.reasons.append(r.reason)
        return self._move("kill", r.target, status="cancelled")

    async def answer_retry(self, r: operator_requests.Retry) -> Operated:
        if r.target.job_id:
            failed = [task.id for task in self._tasks_of(r.target.job_id) if task.status == "failed"]
            for number in failed:
                self.set_task(number, status="queued")
            return self._move_job("retry", r.target, status="running", more=len(failed))
        if r.force:
            self.often.difference_update(r.target.task_ids or ())
        return self._move("retry", r.target, status="queued")

    async def answer_pause(self, r: operator_requests.Pause) -> Operated:
        return self._switch("pause", r.target, status="paused")

    async def answer_resume(self, r: operator_requests.Resume) -> Operated:
        return self._switch("resume", r.target, status="running")

    async def answer_hold(self, r: operator_requests.Hold) -> Operated:
        return self._move("hold", r.target, status="held")

    async def answer_unhold(self, r: operator_requests.Unhold) -> Operated:
        return self._move("unhold", r.target, status="queued")

    async def answer_fail(self, r: operator_requests.Fail) -> Operated:
        return self._move("fail", r.target, status="failed")

    async def answer_prioritise(self, r: operator_requests.Prioritise) -> Operated:
        self._note_verb("prioritise", r.target)
        for number in self.meant(r.target):
            self.task_rows[number] = replace(self.task_rows[number], priority=r.priority)
            self.add_event("task.prioritised", task_id=number)
        return Operated(changed=len(self.meant(r.target)))

    async def answer_usage(self, _: ledger.Usage) -> UsageView:
        return UsageView(groups=(), total=())

    async def answer_variables(self, r: data.Variables) -> tuple[VariableView, ...]:
        return self.variable_rows.get(r.job_id, ())

    async def answer_outputs(self, r: data.Outputs) -> JobOutputs:
        return JobOutputs(job_id=r.job_id, status="succeeded")

    async def answer_artifacts(self, r: data.Artifacts) -> tuple[KeptArtifact, ...]:
        self._known_job(r.job_id)
        after = (0, "", 0) if r.after is None else _place_of(r.after)
        members = {task.id for task in self.task_rows.values() if task.group_task == r.task_id} or {r.task_id}
        kept = [one for one in self.artifact_rows.get(r.job_id, ()) if _place_of(one) > after]
        return tuple(one for one in kept if r.task_id is None or one.task_id in members)[: r.limit]

    async def answer_prices(self, _: ledger.Prices) -> tuple[Price, ...]:
        return ()

    async def answer_charge(self, r: ledger.Charge) -> Charged:
        self.asked.append(("charge", r.said))
        return Charged(landed=True, late=False, spent=(), budgets=())

    async def answer_orphans(self, _: orphans.ListOrphans) -> tuple[OrphanView, ...]:
        return tuple(orphan for _, orphan in sorted(self.orphan_rows.items()) if self._stands(orphan))

    async def answer_keep_orphans(self, r: orphans.KeepOrphans) -> Operated:
        return self._of_orphans("keep", r.target)

    async def answer_kill_orphans(self, r: orphans.KillOrphans) -> Operated:
        return self._of_orphans("kill_orphans", r.target)

    async def answer_describe(self, r: api.Describe) -> WorkflowView:
        name = _name_of(r.document)
        known = self.described.get(name)
        if isinstance(known, TaskdeckError):
            raise known
        if known is None and r.document.path is not None:
            raise NotFound("document.unknown", f"no file {name}")
        return known or WorkflowView(name=name, stages=1, tasks=1)

    async def answer_changes(self, r: api.Changes) -> Changes:
        if r.after == self.last_event and self.patience:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience):
                    await self.stirred()
        kinds = KINDS if r.after is None else (event.kind for event in self.event_rows[r.after :])
        jobs = Counter(job.status for job in self.job_rows.values() if job.status not in JOB_FINAL)
        return Changes(
            last_event=self.last_event,
            kinds=frozenset(kinds),
            tasks=dict(Counter(task.status for task in self.task_rows.values())),
            jobs=dict(jobs),
            paused_queues=len(self.paused),
            engine=self._answer(),
            acknowledged=sum(one.known for one in families_of(self)),
            lost=sum(orphan.kind is OrphanKind.LOST for orphan in self.orphan_rows.values()),
        )

    async def answer_wait_job(self, _: api.WaitJob) -> JobResult:
        raise Unavailable("engine.none", "no engine")

    async def answer_wait_tasks(self, _: api.WaitTasks):
        raise Unavailable("engine.none", "no engine")

    async def answer_reload_config(self, _: ReloadConfig) -> Reloaded:
        self.asked.append(("reload", "config"))
        return Reloaded(changes=())

    async def answer_signals(self, r: ListSignals) -> SignalsView:
        self.asked.append(("signals", r.limit))
        return SignalsView()

    async def answer_signal(self, r: SendSignal) -> Signalled:
        self.asked.append(("signal", r.name))
        return Signalled(signal_id=1)

    async def answer_workflows(self, r: workflows.ListWorkflows) -> tuple[RegisteredView, ...]:
        named = [name for name in sorted(self.registered) if (r.part or "").lower() in name.lower()]
        return tuple(map(_registered, named[: r.limit]))

    async def answer_workflow(self, r: workflows.GetWorkflow) -> RegisteredText:
        if r.name not in self.registered:
            raise NotFound("workflow.unknown", f"no workflow is registered as `{r.name}`")
        version = VersionView(
            number=1,
            hash="h",
            source="w.yaml",
            folder="/srv/flows",
            is_current=True,
            added_at=NOW,
            added_by=None,
        )
        return RegisteredText(name=r.name, version=version, text=self.registered[r.name], versions=(version,))

    async def answer_add_workflow(self, r: workflows.AddWorkflow) -> WorkflowAdded:
        self.asked.append(("add_workflow", r.source))
        return WorkflowAdded(name=r.name or "w", number=1, hash="h", changed=True)

    async def answer_remove_workflow(self, r: workflows.RemoveWorkflow) -> WorkflowRemoved:
        self.asked.append(("remove_workflow", r.name))
        return WorkflowRemoved(name=r.name, versions=1)

    async def answer_stop_engine(self, r: api.StopEngine) -> None:
        self.asked.append(("stop", r.how))
        self.engine = None

    async def answer_resume_engine(self, _: api.ResumeEngine) -> None:
        self.asked.append(("resume", "engine"))
        self.engine = replace(self._answer(), state="serving")

    async def answer_status(self, _: api.Status) -> EngineInfo:
        return self._answer()

    def _read(self, what: str) -> None:
        self.reads[what] += 1
        if self.broken is not None:
            raise self.broken

    def _answer(self) -> EngineInfo:
        if self.engine is None:
            raise Unavailable("engine.none", "no engine is running", hint="start one with 'taskdeck serve'")
        return self.engine

    def _page(self, where: Filter, after: str | None, limit: int) -> Page:
        found = self.found(where)
        if self.searched is None or not (where.terms or where.sort):
            return page(found, where, after, limit)
        oldest = max((view.id for view in self.rows_of(where.noun)), default=0) - self.searched
        cut = page([view for view in found if view.id > oldest], where, after, limit)
        if is_by_id(where):
            return replace(cut, next=cut.next or "further on", searched=None if cut.next else self.searched)
        return replace(cut, searched=self.searched)

    def _known_job(self, job_id: int) -> None:
        if job_id not in self.job_rows:
            raise NotFound("job.unknown", f"no job {job_id}")

    def _known_task(self, task_id: int) -> None:
        if task_id not in self.task_rows:
            raise NotFound("task.unknown", f"no task {task_id}")

    def _tasks_of(self, job_id: int) -> list[TaskView]:
        return [task for task in self.task_rows.values() if task.job_id == job_id]

    def _note_verb(self, verb: str, target: Target) -> None:
        self._answer()
        self.asked.append((verb, target.job_id or target.task_ids or target.filter or target.queue))

    def _move_job(self, verb: str, target: Target, *, status: str, more: int = 0) -> Operated:
        self._note_verb(verb, target)
        assert target.job_id
        self._known_job(target.job_id)
        self.set_job(target.job_id, status=status)
        return Operated(changed=1 + more)

    def _switch(self, verb: str, target: Target, *, status: str) -> Operated:
        if target.job_id:
            return self._move_job(verb, target, status=status)
        if target.queue is None:
            raise Invalid("target.unfit", f"{verb} acts on a job or a queue")
        self._note_verb(verb, target)
        if verb == "pause":
            self.paused[target.queue] = NOW
        else:
            self.paused.pop(target.queue, None)
        self.note("queue.paused" if verb == "pause" else "queue.resumed")
        return Operated(changed=1)

    def _move(self, verb: str, target: Target, *, status: str) -> Operated:
        if target.job_id or target.queue:
            raise Invalid("target.unfit", f"{verb} acts on tasks")
        self._note_verb(verb, target)
        refusals = {number: self._refusal(verb, number) for number in self.meant(target)}
        for number, reason in refusals.items():
            if not reason:
                self.set_task(number, status=status)
        refused = tuple(
            refuse_task(number, RETRY_LIMIT if reason == OFTEN else "task.status", reason, hint="see it")
            for number, reason in refusals.items()
            if reason
        )
        return Operated(changed=len(refusals) - len(refused), refused=refused)

    def _refusal(self, verb: str, task_id: int) -> str:
        if task_id not in self.task_rows:
            return "no such task"
        status = self.task_rows[task_id].status
        if verb == "retry" and task_id in self.often:
            return OFTEN
        if verb == "retry":
            return "" if status in TASK_FINAL else "it has not ended"
        if verb == "kill":
            return "" if status == "running" else f"it is {status}: nothing of it runs"
        if verb in ("fail", "unhold"):
            return "" if status == "held" else "it is not held"
        return "it has ended" if status in TASK_FINAL else ""

    def _stands(self, orphan: OrphanView) -> bool:
        return orphan.kind is OrphanKind.LIVING or self.task_rows[orphan.task_id].status == "held"

    def _of_orphans(self, verb: str, target: Target) -> Operated:
        self._note_verb(verb, target)
        numbers = target.task_ids or ()
        living = [
            n for n in numbers if n in self.orphan_rows and self.orphan_rows[n].kind is OrphanKind.LIVING
        ]
        for number in living:
            if verb == "keep":
                self.orphan_rows[number] = replace(self.orphan_rows[number], kept=True)
            else:
                del self.orphan_rows[number]
                self.set_task(number, status="failed")
        refused = tuple(
            refuse_task(number, "orphan.unknown", "no living orphan", hint="list them")
            for number in numbers
            if number not in living
        )
        return Operated(changed=len(living), refused=refused)


def _place_of(kept: KeptArtifact) -> tuple[int, str, int]:
    return (kept.task_id, kept.file.name, kept.position)


def _registered(name: str) -> RegisteredView:
    return RegisteredView(
        name=name, number=1, hash="h", source="w.yaml", added_at=NOW, added_by=None, versions=1
    )


def _name_of(document: DocumentSource) -> str:
    if document.text is not None:
        return document.text.name
    return document.path or str((document.parsed or {}).get("name", "job"))


def _reason(short: str) -> Reason:
    return Reason(
        code=WaitCode.NEEDS, short=short, text=f"it waits for {short}", ends=f"the end of {short}", since=NOW
    )


def bar_of(task: TaskView, *segments: Segment) -> TaskBar:
    """Return the bar of a task; without stretches, one from its start to its end."""
    end = task.finished_at or (None if task.status == "running" else NOW)
    told = segments or (
        Segment(status="running", start=task.started_at or task.created_at, end=end, attempt=1),
    )
    return TaskBar(task_id=task.id, key=task.key, stage="only", status=task.status, segments=told)
