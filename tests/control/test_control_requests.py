"""Tests of the table of requests, and their bytes since protocol 2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import NoneType
from typing import TypeVar

import pytest

from core.app.reading.store import StoreFirstControl
from core.control import api, operator_requests, wire
from core.control.all_verbs import ROUTES, VERBS
from core.control.api import (
    Charge,
    ControlAPI,
    CountInLog,
    DocumentText,
    EventQuery,
    FindInLog,
    FindInLogs,
    Force,
    Kind,
    LogLines,
    PastJobs,
    PastTasks,
    ReadingAPI,
    Request,
    SubmitOptions,
    Target,
    TaskSpec,
)
from core.control.nouns.schedules import Switch
from core.control.nouns.signals import SendSignal
from core.control.nouns.upkeep import Purge
from core.control.nouns.workflows import AddWorkflow
from core.control.reading import ReadingControl
from core.control.reading_api import BundleRows
from core.control.remote import RemoteControl
from core.control.requests import kind_of, verb_of
from core.control.transport import SocketDialer
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.patterns import Case
from core.filters.text_query import Syntax, TextQuery
from core.model.commands.capacity import Freeze, OpenBackend, ResizePool, SetLimit, Span
from core.model.commands.work import Enqueued, Operated, Submitted
from core.model.errors import Bug, Unavailable
from core.model.failures import FamilyScope
from core.model.limits.entry_views import EntryQuery
from core.model.limits.once import Once
from core.model.limits.usage_views import UsageBy, UsageQuery
from core.model.log_views import LOG_END, Way
from core.model.patterns.work_items import ItemScope
from core.model.purges import PurgeWhat
from core.model.timing.schedules import Schedule, Timing
from core.model.views import LogStream
from tests.support.requests import methods_of, request_of_kind
from tests.support.tables import each

R = TypeVar("R")
FAILED = parse("status:failed sort:-id", Noun.TASKS)
WHERE = '{"noun":"tasks","text":"status:failed sort:-id"}'
BODIES: list[tuple[str, Callable[[ControlAPI], Awaitable[object]], str]] = [
    ("jobs", lambda c: c.jobs(), "{}"),
    ("jobs", lambda c: c.jobs(FAILED, after="x", limit=3), f'{{"where":{WHERE},"after":"x","limit":3}}'),
    ("job", lambda c: c.job(3), '{"job_id":3}'),
    ("job_detail", lambda c: c.job_detail(3), '{"job_id":3}'),
    ("tasks", lambda c: c.tasks(FAILED), f'{{"where":{WHERE}}}'),
    (
        "instances",
        lambda c: c.data.instances(4, after="199", limit=200),
        '{"group_id":4,"after":"199","limit":200}',
    ),
    ("task", lambda c: c.task(4), '{"task_id":4}'),
    ("find_task", lambda c: c.find_task("3/x"), '{"ref":"3/x"}'),
    ("groups", lambda c: c.groups(limit=3), '{"limit":3}'),
    ("queues", lambda c: c.queues(), "{}"),
    (
        "events",
        lambda c: c.events(EventQuery(job_id=3, filter=FAILED), after_id=7),
        f'{{"query":{{"job_id":3,"filter":{WHERE}}},"after_id":7}}',
    ),
    ("log", lambda c: c.logs.chunk(3, epoch=2, offset=-5), '{"task_id":3,"epoch":2,"offset":-5}'),
    (
        "log_lines",
        lambda c: c.logs.lines(
            LogLines(task_id=3, stream=LogStream.ERR, offset=LOG_END, way=Way.BACKWARD, lines=9)
        ),
        f'{{"task_id":3,"stream":"err","offset":{LOG_END},"way":"backward","lines":9}}',
    ),
    (
        "find_in_log",
        lambda c: c.logs.find(FindInLog(task_id=3, query=TextQuery(text="no", case=Case.ANY), most=1)),
        '{"task_id":3,"query":{"text":"no","case":"any"},"most":1}',
    ),
    (
        "count_in_log",
        lambda c: c.logs.count(CountInLog(task_id=3, query=TextQuery(text="x+", syntax=Syntax.PATTERN))),
        '{"task_id":3,"query":{"text":"x+","syntax":"pattern"}}',
    ),
    (
        "find_in_logs",
        lambda c: c.logs.find_in_tasks(
            FindInLogs(where=FAILED, query=TextQuery(text="no"), after="3.out.9.")
        ),
        f'{{"where":{WHERE},"query":{{"text":"no"}},"after":"3.out.9."}}',
    ),
    ("count", lambda c: c.count(FAILED), f'{{"where":{WHERE}}}'),
    (
        "preview",
        lambda c: c.preview(FAILED, as_of=9, excluding=[1, 2]),
        f'{{"where":{WHERE},"as_of":9,"excluding":[1,2]}}',
    ),
    ("pulse", lambda c: c.pulse(minutes=3), '{"minutes":3}'),
    ("failures", lambda c: c.failures.families(FamilyScope.ALL, limit=7), '{"scope":"all","limit":7}'),
    ("why", lambda c: c.why(4), '{"task_id":4}'),
    ("why_job", lambda c: c.why_job(3), '{"job_id":3}'),
    (
        "predict",
        lambda c: c.predict({"name": "x"}, {"a": 1}, options=SubmitOptions(actor="ada (api)")),
        '{"document":{"parsed":{"name":"x"}},"params":{"a":1},"options":{"actor":"ada (api)"}}',
    ),
    ("timeline", lambda c: c.timeline(2, offset=7), '{"job_id":2,"offset":7}'),
    ("runs", lambda c: c.runs("nightly", limit=3), '{"workflow":"nightly","limit":3}'),
    ("past", lambda c: c.past.counts(1_700_000), '{"at":1700000}'),
    (
        "past_jobs",
        lambda c: c.past.jobs(PastJobs(event=9, where=parse("name:x", Noun.JOBS), after="x", limit=3)),
        '{"event":9,"where":{"noun":"jobs","text":"name:x"},"after":"x","limit":3}',
    ),
    (
        "past_tasks",
        lambda c: c.past.tasks(PastTasks(event=9, where=FAILED)),
        f'{{"event":9,"where":{WHERE}}}',
    ),
    ("job_at", lambda c: c.history.job_at(3, event=9), '{"job_id":3,"event":9}'),
    ("job_at", lambda c: c.history.job_at(3, at=1_700_000), '{"job_id":3,"at":1700000}'),
    (
        "tasks_at",
        lambda c: c.history.tasks_at(3, 9, after=4, limit=3),
        '{"job_id":3,"event":9,"after":4,"limit":3}',
    ),
    ("compare_jobs", lambda c: c.history.compare(3), '{"after":3}'),
    ("compare_jobs", lambda c: c.history.compare(3, 2), '{"after":3,"before":2}'),
    ("definition", lambda c: c.definition(2), '{"job_id":2}'),
    (
        "bundle_rows",
        lambda c: c.bundle_rows(BundleRows(job_ids=(2, 3), snapshot="a", offset=5)),
        '{"job_ids":[2,3],"snapshot":"a","offset":5}',
    ),
    (
        "usage",
        lambda c: c.ledger.usage(UsageQuery(by=UsageBy.DAY, since=5, until=9, unit="usd", days=(3, 7))),
        '{"query":{"by":"day","since":5,"until":9,"unit":"usd","days":[3,7]}}',
    ),
    ("prices", lambda c: c.ledger.prices(), "{}"),
    (
        "charge",
        lambda c: c.ledger.charge(Charge(task_id=3, epoch=2, id="x", said={"usd": "0.1"})),
        '{"task_id":3,"epoch":2,"id":"x","said":{"usd":"0.1"}}',
    ),
    ("orphans", lambda c: c.orphans.all(), "{}"),
    ("copy_store", lambda c: c.backups.copy_store("/b/store.db"), '{"file":"/b/store.db"}'),
    ("notices", lambda c: c.notices.page(before=9, status="sent"), '{"before":9,"status":"sent"}'),
    ("schedules", lambda c: c.schedules.all(), "{}"),
    ("expected_workflows", lambda c: c.schedules.expected_workflows(), "{}"),
    (
        "fires_to_come",
        lambda c: c.schedules.fires_to_come(Timing(cron="@daily")),
        '{"timing":{"cron":"@daily"}}',
    ),
    ("machine_zone", lambda c: c.schedules.machine_zone(), "{}"),
    ("schedule_downtime", lambda c: c.schedules.downtime(), "{}"),
    ("schedule", lambda c: c.schedules.one("nightly"), '{"name":"nightly"}'),
    ("fires", lambda c: c.schedules.fires("nightly", limit=5), '{"name":"nightly","limit":5}'),
    (
        "add_schedule",
        lambda c: c.schedules.add(Schedule(name="nightly", timing=Timing(cron="@daily"))),
        '{"schedule":{"name":"nightly","timing":{"cron":"@daily"}}}',
    ),
    (
        "edit_schedule",
        lambda c: c.schedules.edit(Schedule(name="nightly", timing=Timing(every_ms=5000)), reason="k"),
        '{"reason":"k","schedule":{"name":"nightly","timing":{"every_ms":5000}}}',
    ),
    (
        "switch_schedule",
        lambda c: c.schedules.switch("nightly", Switch.SKIP, reason="k"),
        '{"reason":"k","name":"nightly","switch":"skip"}',
    ),
    ("reload_config", lambda c: c.configuration.reload(), "{}"),
    ("trigger_schedule", lambda c: c.schedules.trigger("nightly"), '{"name":"nightly"}'),
    (
        "backfill_schedule",
        lambda c: c.schedules.backfill("nightly", 1, 9),
        '{"name":"nightly","begin":1,"end":9}',
    ),
    ("describe", lambda c: c.describe("/x.yaml"), '{"document":{"path":"/x.yaml"}}'),
    ("status", lambda c: c.status(), "{}"),
    ("changes", lambda c: c.changes(4), '{"after":4}'),
    ("wait_job", lambda c: c.wait_job(3), '{"job_id":3}'),
    ("wait_tasks", lambda c: c.wait_tasks([1, 2]), '{"task_ids":[1,2]}'),
    (
        "submit",
        lambda c: c.submit("/x.yaml", {"a": 1}, options=SubmitOptions(actor="ann", name="n")),
        '{"document":{"path":"/x.yaml"},"params":{"a":1},"options":{"actor":"ann","name":"n"}}',
    ),
    ("submit", lambda c: c.submit({"name": "x"}), '{"document":{"parsed":{"name":"x"}}}'),
    (
        "submit",
        lambda c: c.submit(DocumentText(name="a", text="b")),
        '{"document":{"text":{"name":"a","text":"b"}}}',
    ),
    (
        "enqueue",
        lambda c: c.enqueue([TaskSpec(uses="delay", with_={"seconds": 1})], group="g", actor="me"),
        '{"specs":[{"uses":"delay","with_":{"seconds":1}}],"group":"g","actor":"me"}',
    ),
    (
        "enqueue_once",
        lambda c: c.enqueue_once([TaskSpec(uses="delay", once=Once(key="k", for_=60))], actor="me"),
        '{"specs":[{"uses":"delay","once":{"key":"k","for_":"1m"}}],"actor":"me"}',
    ),
    (
        "cancel",
        lambda c: c.cancel(Target(job_id=4), reason="r", force=Force.KILL, actor="ann"),
        '{"target":{"job_id":4},"actor":"ann","reason":"r","force":"kill"}',
    ),
    (
        "kill",
        lambda c: c.kill(Target(task_ids=(1, 2)), reason="x"),
        '{"target":{"task_ids":[1,2]},"reason":"x"}',
    ),
    (
        "retry",
        lambda c: c.retry(Target(task_ids=(1,)), downstream=True),
        '{"target":{"task_ids":[1]},"downstream":true}',
    ),
    (
        "retry",
        lambda c: c.retry(Target(job_id=4), force=True),
        '{"target":{"job_id":4},"force":true}',
    ),
    ("pause", lambda c: c.pause(Target(queue="q"), reason="r"), '{"target":{"queue":"q"},"reason":"r"}'),
    ("resume", lambda c: c.resume(Target(queue="q"), actor="o"), '{"target":{"queue":"q"},"actor":"o"}'),
    (
        "hold",
        lambda c: c.hold(Target(filter=FAILED, as_of=3, excluding=(3,)), reason="w"),
        f'{{"target":{{"filter":{WHERE},"as_of":3,"excluding":[3]}},"reason":"w"}}',
    ),
    ("unhold", lambda c: c.unhold(Target(task_ids=())), '{"target":{"task_ids":[]}}'),
    ("fail", lambda c: c.fail(Target(task_ids=(5,)), reason="z"), '{"target":{"task_ids":[5]},"reason":"z"}'),
    (
        "prioritise",
        lambda c: c.prioritise(Target(task_ids=(5,)), priority=90, actor="ann"),
        '{"target":{"task_ids":[5]},"actor":"ann","priority":90}',
    ),
    ("keep_orphans", lambda c: c.orphans.keep(Target(task_ids=(5,))), '{"target":{"task_ids":[5]}}'),
    (
        "kill_orphans",
        lambda c: c.orphans.kill(Target(task_ids=(5,)), reason="k"),
        '{"target":{"task_ids":[5]},"reason":"k"}',
    ),
    (
        "acknowledge",
        lambda c: c.failures.acknowledge(["3fa91c22d0"], for_ms=5, reason="k", actor="ann"),
        '{"families":["3fa91c22d0"],"reason":"k","actor":"ann","for_ms":5}',
    ),
    ("pin", lambda c: c.upkeep.pin(Target(job_id=5), reason="k"), '{"target":{"job_id":5},"reason":"k"}'),
    ("unpin", lambda c: c.upkeep.unpin(Target(task_ids=(5,))), '{"target":{"task_ids":[5]}}'),
    (
        "purge",
        lambda c: c.upkeep.purge(Purge(what=PurgeWhat.TASKS, where=FAILED, after=3, reason="k")),
        f'{{"what":"tasks","where":{WHERE},"after":3,"reason":"k"}}',
    ),
    ("retention", lambda c: c.upkeep.retention(), "{}"),
    ("disk", lambda c: c.upkeep.disk(), "{}"),
    ("apply_retention", lambda c: c.upkeep.apply_retention(actor="ann"), '{"actor":"ann"}'),
    (
        "signal",
        lambda c: c.signals.send(
            SendSignal(name="go", key="7", data={"n": 1}, uid="x", keep_ms=5, actor="ann")
        ),
        '{"name":"go","key":"7","data":{"n":1},"uid":"x","keep_ms":5,"actor":"ann"}',
    ),
    ("signals", lambda c: c.signals.list(limit=5), '{"limit":5}'),
    ("workflows", lambda c: c.workflows.list(limit=5), '{"limit":5}'),
    ("workflows", lambda c: c.workflows.list(limit=5, part="a"), '{"limit":5,"part":"a"}'),
    ("workflow", lambda c: c.workflows.one("w", version="3f"), '{"name":"w","version":"3f"}'),
    (
        "add_workflow",
        lambda c: c.workflows.add(AddWorkflow(text="name: w", source="/w.yaml", folder="/", name="v")),
        '{"text":"name: w","source":"/w.yaml","folder":"/","name":"v"}',
    ),
    ("remove_workflow", lambda c: c.workflows.remove("w", actor="ann"), '{"name":"w","actor":"ann"}'),
    (
        "work_items",
        lambda c: c.work_items.list(ItemScope.MINE, limit=3, actor="ann"),
        '{"scope":"mine","limit":3,"actor":"ann"}',
    ),
    ("work_item", lambda c: c.work_items.one(7), '{"item_id":7}'),
    ("find_work_item", lambda c: c.work_items.find("2/ok"), '{"ref":"2/ok"}'),
    ("claim_item", lambda c: c.work_items.claim(7, actor="ann"), '{"item_id":7,"actor":"ann"}'),
    ("release_item", lambda c: c.work_items.release(7), '{"item_id":7}'),
    (
        "delegate_item",
        lambda c: c.work_items.delegate(7, "bob", comment="k", actor="ann"),
        '{"item_id":7,"actor":"ann","to":"bob","comment":"k"}',
    ),
    ("comment_item", lambda c: c.work_items.comment(7, "hm"), '{"item_id":7,"text":"hm"}'),
    (
        "approve_item",
        lambda c: c.work_items.approve(7, {"limit": 5}, comment="k"),
        '{"item_id":7,"values":{"limit":5},"comment":"k"}',
    ),
    ("deny_item", lambda c: c.work_items.deny(7, "no"), '{"item_id":7,"reason":"no"}'),
    ("unacknowledge", lambda c: c.failures.unacknowledge(["3fa91c22d0"]), '{"families":["3fa91c22d0"]}'),
    ("artifacts", lambda c: c.data.artifacts(7, limit=3), '{"job_id":7,"limit":3}'),
    ("artifacts", lambda c: c.data.artifacts(7, task_id=9), '{"job_id":7,"task_id":9}'),
    ("variables", lambda c: c.data.variables(7), '{"job_id":7}'),
    ("outputs", lambda c: c.data.outputs(7), '{"job_id":7}'),
    ("resume_engine", lambda c: c.resume_engine(), "{}"),
    ("capacity", lambda c: c.limits.capacity(), "{}"),
    ("health", lambda c: c.health.now(), "{}"),
    ("look_at_backend", lambda c: c.health.look("api"), '{"name":"api"}'),
    ("gauges", lambda c: c.limits.gauges("db", after="k", limit=3), '{"name":"db","after":"k","limit":3}'),
    (
        "entries",
        lambda c: c.ledger.entries(EntryQuery(limit="team", key="k"), after="9", limit=3),
        '{"query":{"limit":"team","key":"k"},"after":"9","limit":3}',
    ),
    (
        "change_capacity",
        lambda c: c.limits.change(OpenBackend(name="api", for_ms=5)),
        '{"change":{"type":"open_backend","name":"api","for_ms":5}}',
    ),
    (
        "change_capacity",
        lambda c: c.limits.change(ResizePool(name="gpu", slots=2), reason="k", actor="ann"),
        '{"change":{"type":"resize_pool","name":"gpu","slots":2},"reason":"k","actor":"ann"}',
    ),
    (
        "change_capacity",
        lambda c: c.limits.change(SetLimit(name="team", to="+5", span=Span.WINDOW)),
        '{"change":{"type":"set_limit","name":"team","to":"+5","span":"window"}}',
    ),
    ("change_capacity", lambda c: c.limits.change(Freeze()), '{"change":{"type":"freeze"}}'),
]


class Recorder(ControlAPI):
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Request[object]] = []

    async def ask(self, request: Request[R]) -> R:
        self.asked.append(request)
        return None  # type: ignore[return-value]

    async def close(self) -> None:
        return


class Forgotten(Request[None]):
    """A request that was not put into the table."""


def test_every_request_has_one_method_of_the_control_or_of_a_part_of_it():
    assert len(methods_of(ControlAPI)) == len(VERBS)
    assert len(methods_of(ReadingAPI)) == sum(verb.kind is Kind.READ for verb in VERBS.values())


def test_every_way_of_asking_has_its_bytes_here():
    assert {name for name, *_ in BODIES} == set(ROUTES)


@each(("name", "call", "body"), BODIES, ids=[name for name, *_ in BODIES])
async def test_a_request_travels_in_these_bytes_and_comes_back_as_it_was(name, call, body):
    control = Recorder()
    await call(control)
    (request,) = control.asked
    assert (verb_of(request).name, wire.encode(request)) == (name, body.encode())
    assert wire.decode_request(body.encode(), ROUTES[name]) == request


@pytest.mark.parametrize(
    ("request_type", "answer"),
    [
        (api.Enqueue, tuple[int, ...]),
        (api.EnqueueOnce, Enqueued),
        (api.WaitTasks, Mapping[str, int]),
        (api.Submit, Submitted),
        (operator_requests.Hold, Operated),
        (operator_requests.Prioritise, Operated),
        (api.StopEngine, NoneType),
    ],
)
def test_a_verb_answers_what_its_request_or_the_base_of_it_names(request_type, answer):
    assert VERBS[request_type].answer == answer


def test_a_request_that_the_table_does_not_have_has_no_row_and_no_kind():
    for ask in (verb_of, kind_of):
        with pytest.raises(Bug, match=r"^Forgotten is not in the table of requests$") as caught:
            ask(Forgotten())
        assert caught.value.code == "request.unknown"
    assert kind_of(api.Status()) is Kind.ENGINE


async def test_a_request_that_the_table_does_not_have_is_refused(stage, tmp_path):
    reading = ReadingControl(stage.engine.reports, tmp_path)
    for control in (stage.control, reading, StoreFirstControl(reading=reading, engine=stage.control)):
        with pytest.raises(Bug) as caught:
            await control.ask(Forgotten())
        assert caught.value.code == "request.unknown"
    assert stage.engine.asked == []


async def test_without_an_engine_only_what_is_read_is_answered(stage, tmp_path):
    reading = ReadingControl(stage.engine.reports, tmp_path)
    assert await reading.queues() == await stage.control.queues()
    for request, verb in VERBS.items():
        if verb.kind is not Kind.READ:
            with pytest.raises(Unavailable) as caught:
                await reading.ask(request_of_kind(request))
            assert caught.value.code == "engine.none"


async def test_a_control_that_reads_the_store_first_asks_the_engine_for_all_else(stage, tmp_path):
    control = StoreFirstControl(
        reading=ReadingControl(stage.engine.reports, tmp_path), engine=RemoteControl(SocketDialer(tmp_path))
    )
    assert await control.queues() == await stage.control.queues()
    with pytest.raises(Unavailable) as caught:
        await control.status()
    assert caught.value.code == "engine.none"
