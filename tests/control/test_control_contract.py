"""The contract of the ControlAPI: in the loop, by socket, by command."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from core.control.api import (
    Charge,
    ControlAPI,
    CountInLog,
    DocumentText,
    Effect,
    EventQuery,
    Filter,
    FindInLog,
    FindInLogs,
    Force,
    LogLines,
    PastJobs,
    PastTasks,
    StopMode,
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
from core.control.sights import Sights
from core.control.wait_answers import ask_engine
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.patterns import Case
from core.filters.text_query import Syntax, TextQuery
from core.model.errors import Conflict, Invalid, InvalidDocument, NotFound, Unavailable
from core.model.failures import FamilyScope
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once
from core.model.limits.usage_views import UsageBy, UsageQuery
from core.model.log_views import LOG_END, Way
from core.model.orphans import OrphanKind, OrphanView
from core.model.past import PastView
from core.model.patterns.work_items import ItemScope, ItemView
from core.model.plans import OnLoss
from core.model.purges import PurgeWhat
from core.model.records import replace
from core.model.timing.schedules import FireKind, FireStatus, Schedule, Timing, Work
from core.model.timing.zones import zone_of
from core.model.views import LogStream, QueueView
from core.render.health_lines import subject_lines
from core.store.readers import Readers
from core.store.reports import Reports
from tests.support.actors import by
from tests.support.deck_doors import DOORS, SLOTS, Door, far_door, served
from tests.support.waiting import until, within

pytestmark = pytest.mark.asyncio(loop_scope="module")
"""One engine process and one loop for all tests: starting them takes longer than asking them."""

FLOW = DocumentText(
    name="flow.yaml",
    text="""
name: flow
params: {word: {type: string, default: "hé"}, times: {type: integer, min: 1, max: 9}}
tasks:
  - {key: say, uses: shell, with: {script: 'printf "%s" "$WORD"', env: {WORD: "${{ params.word }}"}}}
  - {key: after, needs: [say], uses: delay, with: {seconds: 0}}
""",
)
BROKEN = DocumentText(name="broken.yaml", text="name: x\ntasks:\n  - {key: A!, uses: nothing}\n")


def configured(home: Path) -> Path:
    """Give a home the limits that tasks of these tests name, wide enough for all of them."""
    home.mkdir()
    tables = [f'[limits.{name}]\nkind = "concurrency"\nmax = 100\n' for name in ("db", "host")]
    (home / "config.toml").write_text("".join(tables))
    return home


@pytest.fixture
def mine(door: Door, request) -> str:
    """A name that no other test gives to its group or queue."""
    return f"{request.node.originalname[5:60]}-{door.name}"


def delays(number: int, seconds: float = 0, **more) -> list[TaskSpec]:
    return [TaskSpec(uses="delay", with_={"seconds": seconds}, key=f"t{n}", **more) for n in range(number)]


def tasks_of(group: str, more: str = "") -> Filter:
    return parse(f"group:{group} {more}", Noun.TASKS)


async def _past(control: ControlAPI, at: int) -> PastView:
    """Return what stood where then; how many events were undone depends on when it is asked."""
    return replace(await control.past.counts(at), undone=0)


async def _rows(control: ControlAPI, job: int) -> tuple[int, tuple[str, ...]]:
    """Return how many rows a bundle of a job has, and what is told with them."""
    first = page = await control.bundle_rows(BundleRows(job_ids=(job,)))
    while not page.whole:
        page = await control.bundle_rows(BundleRows(job_ids=(job,), snapshot=page.snapshot, offset=page.end))
    return page.rows, tuple(first.facts or ())


async def queued(control: ControlAPI, mine: str, number: int) -> tuple[int, ...]:
    """Enqueue tasks that nobody claims."""
    await control.enqueue(delays(1, queue=mine), actor="ann")
    await control.pause(Target(queue=mine), reason="test", actor="ann")
    return await control.enqueue(delays(number, queue=mine), group=mine)


async def test_the_suite_names_every_method() -> None:
    suite = [Path(__file__), Path(__file__).with_name("test_control_limits.py")]
    said = {
        node.attr
        for file in suite
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"control", "door.control"}
    }
    assert {name for name in dir(ControlAPI) if not name.startswith("_")} - {"ask"} <= said


async def test_a_job_runs_and_everything_of_it_is_read(control, mine):
    options = SubmitOptions(actor="ann", client_key=mine, name=mine, cwd="/")
    submitted = await control.submit(FLOW, {"word": "wörd \u202e", "times": 3}, options=options)
    again = await control.submit(FLOW, {"word": "wörd \u202e", "times": 3}, options=options)
    assert (again.job_id, again.duplicate, submitted.duplicate) == (submitted.job_id, True, False)
    job = submitted.job_id
    result = await within(control.wait_job(job), "the job ends")
    assert (result.id, result.status, result.tasks) == (job, "succeeded", {"succeeded": 2})
    view = await control.job(job)
    assert (view.name, view.status, view.actor, view.params["times"]) == (mine, "succeeded", by("ann"), 3)
    assert view in (await control.jobs(parse(f"id:{job}", Noun.JOBS))).rows
    detail = await control.job_detail(job)
    assert (detail.job, [task.task.key for task in detail.tasks]) == (view, ["say", "after"])
    assert [stage.status for stage in detail.stages] == ["succeeded"]
    assert (await control.definition(job))["name"] == "flow"
    say = await control.find_task(f"{job}/say")
    task = await control.task(say)
    assert task.cwd == "/"
    assert (task.task.status, [attempt.status for attempt in task.attempts]) == ("succeeded", ["succeeded"])
    chunk = await control.logs.chunk(say)
    assert (chunk.data.decode(), chunk.final, chunk.epoch) == ("wörd \u202e", True, 1)
    assert (await control.logs.chunk(say, epoch=1, offset=-3)).data == "\u202e".encode()
    kinds = [event.kind for event in (await control.events(EventQuery(job_id=job))).rows]
    assert (kinds[0], kinds[-1], kinds.count("task.succeeded")) == ("job.created", "job.succeeded", 2)
    newest = EventQuery(job_id=job, filter=parse("sort:-id", Noun.EVENTS))
    assert (await control.events(newest, limit=1)).rows[0].kind == "job.succeeded"


async def test_what_a_task_says_of_limits_and_costs_is_kept_and_shown(control, mine):
    spec = TaskSpec(
        uses="delay",
        with_={"seconds": 0},
        limits=(LimitRef(name="db"), LimitRef(name="host", key="h1")),
        cost={"usd": 0.02, "tokens": "3000"},
        prefer=("deep",),
        on_exhausted=OnExhausted.FINISH,
        tags=("slow",),
        project=mine,
    )
    (loose,) = await control.enqueue([spec])
    shown = await control.task(loose)
    assert shown.limits == spec.limits
    assert shown.cost == Estimate(amounts={"usd": 20_000, "tokens": 3_000_000_000})
    assert (shown.prefer, shown.on_exhausted, shown.tags, shown.project) == (
        ("deep",),
        "finish",
        ("slow",),
        mine,
    )
    submitted = await control.submit(FLOW, {"word": "w", "times": 1}, options=SubmitOptions(project=mine))
    detail = await control.job_detail(submitted.job_id)
    assert {task.project for task in detail.tasks} == {mine}


async def test_a_second_task_with_a_key_is_not_created_and_the_answer_names_the_first(control, mine):
    spec = TaskSpec(uses="delay", with_={"seconds": 0}, once=Once(key=mine, for_="1h"))
    first = await control.enqueue_once([spec], group=mine)
    assert first.duplicates == ()
    again = await control.enqueue_once([replace(spec, once=Once(key=f"{mine}!")), spec], group=mine)
    assert (again.task_ids[1], again.duplicates) == (first.task_ids[0], (1,))
    assert await control.enqueue([spec], group=mine) == first.task_ids
    shown = await control.task(first.task_ids[0])
    assert shown.once == Once(key=mine, for_="1h")
    assert {task.id for task in (await control.tasks(tasks_of(mine))).rows} == {
        first.task_ids[0],
        again.task_ids[0],
    }
    events = await control.events(EventQuery(task_id=first.task_ids[0]))
    refused = [event.data for event in events.rows if event.kind == "once.refused"]
    assert refused == [{"key": mine, "times": 1}] * 2


async def test_contenders_for_one_key_get_one_task(control, mine):
    spec = TaskSpec(uses="delay", with_={"seconds": 0}, once=Once(key=mine, for_="ever"))
    answers = await asyncio.gather(*(control.enqueue_once([spec], group=mine) for _ in range(20)))
    assert len({answer.task_ids for answer in answers}) == 1
    assert sorted(answer.duplicates for answer in answers) == [(), *[(0,)] * 19]


async def test_unknown_limits_are_refused_with_the_near_ones(control, mine):
    spec = TaskSpec(uses="delay", with_={"seconds": 0}, limits=(LimitRef(name="hots"),))
    with pytest.raises(Invalid, match="did you mean `host`") as caught:
        await control.enqueue([spec], group=mine)
    assert (caught.value.code, caught.value.facts["field"]) == ("limit.unknown", "limits.0")
    task = "{key: a, uses: delay, with: {seconds: 0}, limits: [hots]}"
    with pytest.raises(InvalidDocument) as refused:
        await control.submit(DocumentText(name="w.yaml", text=f"name: w\ntasks:\n  - {task}\n"))
    assert (refused.value.code, refused.value.facts["faults"][0]["line"]) == ("limit.unknown", 3)
    assert (await control.tasks(tasks_of(mine))).rows == ()


async def test_a_signal_is_taken_once_through_every_door_and_what_is_too_large_is_refused(control, mine):
    first = await control.signals.send(SendSignal(name=mine, key="7", data={"n": [1]}, uid=mine))
    again = await control.signals.send(SendSignal(name=mine, key="8", uid=mine))
    assert (first.task_id, first.duplicate, again.signal_id, again.duplicate) == (
        None,
        False,
        first.signal_id,
        True,
    )
    with pytest.raises(Invalid) as refused:
        await control.signals.send(SendSignal(name=mine, data="x" * 70_000))
    assert refused.value.code == "task.data"


async def test_a_workflow_is_registered_once_and_refused_with_all_its_faults_through_every_door(
    control, mine
):
    text = f"name: {mine}\ntasks:\n  - {{key: a, uses: delay, with: {{seconds: 0}}}}\n"
    first = await control.workflows.add(AddWorkflow(text=text, source="w.yaml"))
    again = await control.workflows.add(AddWorkflow(text=f"# a remark\n{text}", source="w.yaml"))
    assert (first.name, first.number, first.changed) == (mine, 1, True)
    assert (again.hash, again.number, again.changed) == (first.hash, 1, False)
    found = await control.workflows.one(mine, version=first.hash[:9])
    assert (found.text, found.version.is_current) == (text, True)
    assert mine in [one.name for one in await control.workflows.list()]
    assert [one.name for one in await control.workflows.list(part=mine[1:].upper())] == [mine]
    assert await control.workflows.list(part=f"{mine}%") == ()
    faulty = text.replace("uses: delay", "uses: dela") + "  - {key: a, uses: delya}\n"
    with pytest.raises(InvalidDocument) as refused:
        await control.workflows.add(AddWorkflow(text=faulty, source="w.yaml"))
    assert len(refused.value.facts["faults"]) >= 2
    for name in ("sample", "a/b", "w.yaml", "-x", "\x1b[31m"):
        with pytest.raises(Invalid) as unfit:
            await control.workflows.add(AddWorkflow(text=text, source="w.yaml", name=name))
        assert unfit.value.code == "workflow.name"
    assert (await control.workflows.remove(mine)).versions == 1
    with pytest.raises(NotFound) as gone:
        await control.workflows.remove(mine)
    assert gone.value.code == "workflow.unknown"


async def _asked(control: ControlAPI, title: str) -> ItemView:
    last = 0
    while True:
        for one in (await control.work_items.list()).items:
            if one.title == title:
                return one
        last = (await control.changes(last)).last_event


async def test_a_work_item_is_claimed_delegated_and_answered_through_every_door(control, mine):
    with_ = {"title": mine, "form": {"limit": {"type": "integer", "max": 10}}, "quorum": 2, "due": "1d"}
    (task,) = await control.enqueue([TaskSpec(uses="human", with_=with_)], actor="ann")
    asked = await within(_asked(control, mine), "the task waits for people")
    assert (asked.task_id, asked.submitter, asked.due_at is None) == (task, "ann", False)
    assert await control.work_items.find(str(task)) == asked.id
    assert (await control.why(task)).reasons[0].short.startswith("people (item")
    items = control.work_items
    await items.claim(asked.id, actor="bob")
    with pytest.raises(Conflict) as refused:
        await items.claim(asked.id, actor="cat")
    assert (refused.value.code, "claimed by bob since" in refused.value.message) == ("item.claimed", True)
    await items.release(asked.id, actor="bob")
    await items.delegate(asked.id, "cat", comment="yours", actor="bob")
    await items.comment(asked.id, "\x1b[2J <b>hm</b>", actor="dan")
    mine_of = [(await items.list(ItemScope.MINE, actor=one)).items for one in ("bob", "cat")]
    assert [asked.id in [one.id for one in own] for own in mine_of] == [False, True]
    with pytest.raises(Invalid) as bad:
        await items.approve(asked.id, {"limit": 11}, actor="cat")
    assert bad.value.code == "item.form"
    assert (await items.approve(asked.id, {"limit": "7"}, actor="cat")).missing == 1
    done = await items.approve(asked.id, actor="dan", comment="fine")
    assert (done.outcome, done.missing) == ("approved", 0)
    with pytest.raises(Conflict) as late:
        await items.deny(asked.id, "no", actor="eve")
    assert (late.value.code, "by" in late.value.message) == ("item.closed", True)
    shown = await items.one(asked.id)
    assert shown.item.approved_by == ("cat", "dan")
    assert [entry.kind for entry in shown.entries] == [
        "opened", "claimed", "released", "delegated", "commented", "approved", "approved",
    ]  # fmt: skip
    assert (await control.task(task)).task.status == "succeeded"
    with pytest.raises(NotFound):
        await items.one(10**9)


async def test_a_configuration_that_did_not_change_is_read_again_in_vain(control):
    assert (await control.configuration.reload(effect=Effect.NONE)).changes == ()
    assert (await control.configuration.reload(actor="ana")).changes == ()


async def test_health_is_read_through_every_door_and_a_backend_without_a_check_is_refused(control, mine):
    view = await control.health.now()
    assert (view.engine.state, view.checks) == ("serving", ())
    assert {one.subject for one in subject_lines(view)} >= {"engine", "disk", "memory", "store"}
    with pytest.raises(NotFound) as caught:
        await control.health.look(mine)
    assert caught.value.code == "check.unknown"


async def test_a_schedule_is_added_fired_by_hand_changed_and_removed(control, mine):
    text = "name: nightly\ntasks:\n  - {key: a, uses: delay, with: {seconds: 0}}\n"
    timing = Timing(cron="0 3 1 1 *", zone="Europe/Berlin")
    schedule = Schedule(name=mine, timing=timing, work=Work(text=text, params={}))
    assert (await control.schedules.add(schedule, actor="kim")).changed == 1
    with pytest.raises(Conflict) as caught:
        await control.schedules.add(schedule)
    assert caught.value.code == "schedule.taken"
    view = await control.schedules.one(mine)
    assert (view.schedule.timing, len(view.next), view.next[0]) == (timing, 5, view.due_at)
    assert await control.schedules.fires_to_come(timing) == view.next
    with pytest.raises(Invalid) as refused:
        await control.schedules.fires_to_come(Timing(cron="61 * * * *"))
    assert refused.value.code == "schedule.cron"
    assert zone_of(await control.schedules.machine_zone())
    assert mine in {one.schedule.name for one in await control.schedules.all()}
    assert await control.schedules.downtime() is None
    assert await control.schedules.expected_workflows() == ()
    fired = await control.schedules.trigger(mine)
    assert fired.status is FireStatus.SUBMITTED
    await within(control.wait_job(fired.job_id), "its job ends")
    page = await control.schedules.fires(mine)
    assert [(fire.kind, fire.job_id, fire.job_status) for fire in page.rows] == [
        (FireKind.MANUAL, fired.job_id, "succeeded")
    ]
    assert (await control.schedules.switch(mine, Switch.PAUSE, reason="rest")).changed == 1
    assert (await control.schedules.one(mine)).paused.reason == "rest"
    assert (await control.schedules.switch(mine, Switch.RESUME)).changed == 1
    assert (await control.schedules.switch(mine, Switch.SKIP)).changed == 1
    edited = replace(schedule, timing=Timing(every_ms=3_600_000))
    assert (await control.schedules.edit(edited)).changed == 1
    year = 366 * 86_400_000
    end = view.due_at + year
    filled = await control.schedules.backfill(mine, 0, 3_600_000, effect=Effect.NONE)
    assert (filled.times, filled.done) == ((0,), False)
    with pytest.raises(Invalid) as refused:
        await control.schedules.backfill(mine, 0, end)
    assert refused.value.code == "schedule.backfill"
    assert (await control.schedules.switch(mine, Switch.REMOVE)).changed == 1
    with pytest.raises(NotFound) as gone:
        await control.schedules.one(mine)
    assert gone.value.code == "schedule.unknown"


async def test_what_a_task_spends_is_charged_once_and_counted_by_each_property(control, mine, tmp_path):
    assert await control.ledger.prices() == ()
    started, unit = tmp_path / "started", f"u{abs(hash(mine))}"
    argv = ["sh", "-c", ': > "$0"; exec sleep 600', str(started)]
    spec = TaskSpec(uses="shell", with_={"argv": argv}, key="spend", project=mine)
    (task,) = await control.enqueue([spec], group=mine)
    await until(started.exists, "its command runs")
    charge = Charge(task_id=task, epoch=1, id="one", said={unit: "0.25", "model": "m", "input": 3})
    first, again = await control.ledger.charge(charge), await control.ledger.charge(charge)
    assert (first.landed, again.landed, first.late, first.budgets) == (True, False, False, ())
    assert [(one.unit, one.amount) for one in first.spent] == [
        (unit, 250_000),
        ("tokens", 3_000_000),
        ("usd", 0),
    ]
    await control.kill(Target(task_ids=(task,)))
    await within(control.wait_tasks((task,)), "it ends")
    later = await control.ledger.charge(replace(charge, id="two"))
    assert (later.landed, later.late) == (True, True)
    for property_ in UsageBy:
        days = (0,) if property_ is UsageBy.DAY else ()
        view = await control.ledger.usage(
            UsageQuery(by=property_, since=0, until=2**50, unit=unit, days=days)
        )
        assert [(one.unit, one.total, one.entries) for one in view.total] == [(unit, 500_000, 2)]
        assert [group.spent for group in view.groups] == [view.total]
    named = await control.ledger.usage(UsageQuery(by=UsageBy.PROJECT, since=0, until=2**50, unit=unit))
    assert [group.name for group in named.groups] == [mine]
    everything = await control.ledger.usage(UsageQuery(by=UsageBy.MODEL, since=0, until=2**50))
    assert "m" in everything.unpriced
    with pytest.raises(NotFound, match="has no attempt 9"):
        await control.ledger.charge(replace(charge, epoch=9))
    with pytest.raises(Invalid, match="is not a number"):
        await control.ledger.charge(Charge(task_id=task, epoch=1, id="x", said={"usd": -1}))


async def test_variables_of_a_job_are_read_in_order_with_who_changed_them(control):
    text = """
name: counting
variables: {count: 0, who: {type: string, value: ana}}
tasks:
  - {key: a, uses: delay, with: {seconds: 0}, set: {count: "${{ vars.count + 2 }}"}}
"""
    job = await control.submit(DocumentText(name="counting.yaml", text=text))
    await within(control.wait_job(job.job_id), "it ends")
    count, who = await control.data.variables(job.job_id)
    assert (count.name, count.value, count.key, count.type) == ("count", 2, "a", None)
    assert count.changed_at is not None
    assert (who.name, who.value, who.key, who.type) == ("who", "ana", None, "string")
    assert await control.data.variables(1) == ()
    with pytest.raises(NotFound, match="job 999999 does not exist"):
        await control.data.variables(999_999)


async def test_outputs_are_read_by_lines_and_searched_from_any_place(control, mine):
    script = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i of $1"; done; echo "Broke: $1" >&2'
    specs = [
        TaskSpec(
            uses="shell",
            with_={"argv": ["sh", "-c", script, "sh", f"t{n}"], "stderr": "separate"},
            key=f"t{n}",
        )
        for n in range(2)
    ]
    first, second = await control.enqueue(specs, group=mine)
    await within(control.wait_tasks((first, second)), "they end")
    page = await control.logs.lines(LogLines(task_id=first, lines=2))
    assert [line.data for line in page.lines()] == [b"line 1 of t0", b"line 2 of t0"]
    assert (page.begin, page.end, page.facts.final, page.facts.stderr > 0) == (0, 26, True, True)
    last = await control.logs.lines(LogLines(task_id=first, offset=LOG_END, way=Way.BACKWARD, lines=1))
    assert [line.data for line in last.lines()] == [b"line 3000 of t0"]
    query = TextQuery(text="LINE 29", case=Case.ANY)
    found = await control.logs.find(FindInLog(task_id=first, query=query, offset=page.end, most=2, context=1))
    assert [[line.data for line in match.lines] for match in found.matches] == [
        [b"line 28 of t0", b"line 29 of t0", b"line 30 of t0"],
        [b"line 289 of t0", b"line 290 of t0", b"line 291 of t0"],
    ]
    before = FindInLog(task_id=first, query=query, offset=found.matches[0].line, way=Way.BACKWARD)
    assert (await control.logs.find(before)).matches == ()
    counted = await control.logs.count(CountInLog(task_id=first, query=query, most=1))
    assert (counted.number, counted.lines, counted.end) == (
        111,
        (found.matches[0].line,),
        page.facts.size or counted.facts.size,
    )
    # In which order they came is known, not the same in each run.
    both = LogLines(task_id=first, stream=LogStream.BOTH, offset=LOG_END, way=Way.BACKWARD, lines=2_000)
    woven = await control.logs.lines(both)
    assert (woven.facts.ordered, woven.facts.size) == (True, page.facts.size + page.facts.stderr)
    marked = [line.data for number, line in enumerate(woven.lines()) if number in woven.errors]
    assert marked == [b"Broke: t0"]
    assert len((await control.logs.chunk(first, stream=LogStream.BOTH)).data) == woven.facts.size
    broke = TextQuery(text="broke", case=Case.ANY)
    (among,) = (await control.logs.find(FindInLog(task_id=first, query=broke, stream=both.stream))).matches
    assert [line.data for line in among.lines] == marked
    matches, after = [], None
    while True:
        more = await control.logs.find_in_tasks(
            FindInLogs(
                where=tasks_of(mine),
                query=TextQuery(text="(?i)^(broke|line 2999 )", syntax=Syntax.PATTERN),
                after=after,
                most=1,
            )
        )
        matches += more.matches
        after = more.next
        if after is None:
            break
    assert [(one.task_id, one.key, one.stream, one.match.lines[0].data) for one in matches] == [
        (first, "t0", "out", b"line 2999 of t0"),
        (first, "t0", "err", b"Broke: t0"),
        (second, "t1", "out", b"line 2999 of t1"),
        (second, "t1", "err", b"Broke: t1"),
    ]
    for after in ("x", "1.out", "1.in.0.", "-1.out.0.", f"{2**63}.out.0."):
        with pytest.raises(Invalid, match="does not belong to this search"):
            await control.logs.find_in_tasks(FindInLogs(where=tasks_of(mine), query=query, after=after))
    with pytest.raises(NotFound):
        await control.logs.lines(LogLines(task_id=first, epoch=7))


async def test_queued_tasks_take_another_priority(control, mine):
    first, second = await queued(control, mine, 2)
    answer = await control.prioritise(Target(task_ids=(first, second)), priority=90, actor="ann")
    assert (answer.changed, answer.refused) == (2, ())
    assert (await control.task(second)).task.priority == 90
    again = await control.prioritise(Target(filter=tasks_of(mine)), priority=90)
    assert (again.changed, [refusal.id for refusal in again.refused]) == (0, [first, second])
    for unfit in (-1, 101):
        with pytest.raises(Invalid) as caught:
            await control.prioritise(Target(task_ids=(first,)), priority=unfit)
        assert caught.value.code == "task.priority"


async def test_a_group_counts_its_tasks(control, mine):
    ids = await control.enqueue(delays(3), group=mine)
    await within(control.wait_tasks(ids), "they end")
    page = await control.groups()
    (group,) = (group for group in page.rows if group.name == mine)
    assert (group.tasks, page.searched) == ({"succeeded": 3}, None)


async def test_the_instances_of_a_group_are_paged(control, mine):
    wait = {"key": "g", "for_each": 3, "uses": "delay", "with": {"seconds": 0}}
    job = await control.submit({"name": mine, "tasks": [wait]})
    await within(control.wait_job(job.job_id), "it ends")
    (group,) = (await control.job_detail(job.job_id)).tasks
    first = await control.data.instances(group.task.id, limit=2)
    rest = await control.data.instances(group.task.id, after=first.next, limit=2)
    assert [one.key for one in (*first.rows, *rest.rows)] == ["g[0]", "g[1]", "g[2]"]
    assert rest.next is None
    with pytest.raises(Invalid, match="not one of instances"):
        await control.data.instances(group.task.id, after="no")


async def test_a_document_is_described_without_being_submitted(control):
    found = await control.describe(FLOW)
    assert (found.name, found.stages, found.tasks) == ("flow", 1, 2)
    word, times = found.params
    assert (word.name, word.type, word.required, word.default) == ("word", "string", False, "hé")
    assert (times.name, times.type, times.required, times.min, times.max) == ("times", "integer", True, 1, 9)
    with pytest.raises(InvalidDocument) as caught:
        await control.describe(BROKEN)
    assert caught.value.source == "broken.yaml"
    assert [fault.line for fault in caught.value.faults] == [3] * len(caught.value.faults)


async def test_a_document_by_path_is_the_callers(control, tmp_path, monkeypatch):
    (tmp_path / "here.yaml").write_text(FLOW.text)
    monkeypatch.chdir(tmp_path)
    assert (await control.describe("here.yaml")).name == "flow"
    with pytest.raises((NotFound, Invalid)):
        await control.describe("gone.yaml")


@pytest.mark.parametrize(
    ("question", "kind", "code"),
    [
        (lambda control: control.job(999_999), NotFound, "job.unknown"),
        (lambda control: control.job_detail(999_999), NotFound, "job.unknown"),
        (lambda control: control.definition(999_999), NotFound, "job.unknown"),
        (lambda control: control.wait_job(999_999), NotFound, "job.unknown"),
        (lambda control: control.task(999_999), NotFound, "task.unknown"),
        (lambda control: control.logs.chunk(999_999), NotFound, "task.unknown"),
        (lambda control: control.find_task("nobody \x00"), NotFound, "task.unknown"),
        (lambda control: control.cancel(Target(job_id=999_999)), NotFound, "job.unknown"),
        (lambda control: control.wait_job(1), Conflict, "job.inbox"),
        (lambda control: control.cancel(Target(job_id=1)), Conflict, "job.inbox"),
        (lambda control: control.cancel(Target(queue="default")), Invalid, "target.unfit"),
        (lambda control: control.hold(Target(job_id=1)), Invalid, "target.unfit"),
        (lambda control: control.fail(Target(queue="default")), Invalid, "target.unfit"),
        (lambda control: control.pause(Target(task_ids=(1,))), Invalid, "target.unfit"),
        (lambda control: control.orphans.keep(Target(queue="default")), Invalid, "target.unfit"),
        (lambda control: control.orphans.kill(Target(job_id=1)), Invalid, "target.unfit"),
        (lambda control: control.kill(Target(job_id=1)), Invalid, "target.unfit"),
        (lambda control: control.kill(Target(queue="default")), Invalid, "target.unfit"),
        (lambda control: control.preview(parse("", Noun.JOBS)), Invalid, "target.unfit"),
        (lambda control: control.failures.acknowledge(["ffff"]), NotFound, "failure.unknown"),
        (lambda control: control.failures.unacknowledge(["ffff"]), NotFound, "failure.unknown"),
        (lambda control: control.failures.acknowledge(["ffff"], for_ms=0), Invalid, "task.for_ms"),
        (lambda control: control.upkeep.pin(Target(job_id=1)), Conflict, "job.inbox"),
        (lambda control: control.upkeep.unpin(Target(job_id=999_999)), NotFound, "job.unknown"),
        (
            lambda control: control.upkeep.purge(Purge(what=PurgeWhat.JOBS, where=tasks_of("x"))),
            Invalid,
            "target.unfit",
        ),
        (lambda control: control.tasks(after="garbage"), Invalid, None),
        (lambda control: control.enqueue([TaskSpec(uses="nothing")]), NotFound, None),
        (lambda control: control.submit({"name": "x"}), InvalidDocument, None),
    ],
)
async def test_refusals_have_the_same_class_and_code_for_everybody(control, question, kind, code):
    with pytest.raises(kind) as caught:
        await question(control)
    assert code is None or caught.value.code == code
    assert caught.value.message


async def test_loose_tasks_are_pinned_and_purged_and_the_fact_stays(control, mine):
    first, second = await control.enqueue(delays(2), group=mine)
    await control.wait_tasks([first, second])
    assert (await control.upkeep.pin(Target(task_ids=(first,)), reason="keep", actor="ann")).changed == 1
    kept = (await control.tasks(tasks_of(mine, "pinned:*"))).rows
    assert [(row.id, row.pinned["by"], row.pinned["reason"]) for row in kept] == [(first, by("ann"), "keep")]
    with pytest.raises(Invalid, match="ids or on a filter"):
        await control.upkeep.purge(Purge(what=PurgeWhat.TASKS))
    asked = Purge(what=PurgeWhat.TASKS, where=tasks_of(mine), reason="done", actor="ann")
    planned = await control.upkeep.purge(replace(asked, effect=Effect.NONE))
    taken = await control.upkeep.purge(asked)
    assert (planned.tasks, taken.tasks, taken.next) == (1, 1, second)
    assert [(one.id, one.reason) for one in taken.refused] == [(first, "it is pinned")]
    with pytest.raises(NotFound) as gone:
        await control.task(second)
    assert (gone.value.code, gone.value.facts["reason"]) == ("task.purged", "done")
    assert (await control.upkeep.unpin(Target(task_ids=(first,)))).changed == 1
    # A new store has told what it keeps from the beginning.
    await control.upkeep.apply_retention(actor="ann")
    view = await control.upkeep.retention()
    assert (view.state.applied_at is not None, view.state.applied_by) == (True, None)
    assert (await control.upkeep.disk()).store > 0


async def test_a_family_is_acknowledged_and_counts_as_news_again(control, mine):
    spec = TaskSpec(uses="shell", with_={"script": f"echo {mine} has no rows; exit 65"})
    ids = await control.enqueue([spec], actor="ann")
    await within(control.wait_tasks(ids), "the task fails")
    (family,) = {task.family for task in (await control.tasks(parse(f"id:{ids[0]}", Noun.TASKS))).rows}
    assert (
        await control.failures.acknowledge([family], for_ms=60_000, reason="known", actor="ann")
    ).changed == 1
    (row,) = [one for one in (await control.failures.families(FamilyScope.ALL)).families if one.id == family]
    assert (row.state, row.acknowledged.by, row.acknowledged.reason) == ("acknowledged", by("ann"), "known")
    assert (await control.changes()).acknowledged >= 1
    assert (await control.failures.unacknowledge([family], actor="ann")).changed == 1
    (row,) = [one for one in (await control.failures.families()).families if one.id == family]
    assert (row.state, row.acknowledged) == ("failing", None)


async def test_a_list_is_read_page_by_page_without_gaps(control, mine):
    ids = await queued(control, mine, 230)
    for order, wanted in (("", ids[::-1]), ("sort:id", ids), ("sort:age", ids[::-1]), ("sort:due", ids)):
        seen, after = [], None
        while True:
            page = await control.tasks(tasks_of(mine, order), after=after, limit=50)
            seen += [task.id for task in page.rows]
            assert page.searched is None
            after = page.next
            if after is None:
                break
        assert seen == list(wanted)
    (queue,) = [queue for queue in await control.queues() if queue.name == mine]
    assert (queue.tasks["queued"] >= 230, queue.paused_by, queue.pause_reason) == (True, by("ann"), "test")


async def test_tasks_are_waited_for_and_counted(control, mine):
    ids = await control.enqueue(delays(20), group=mine)
    ended = await within(control.wait_tasks([*ids, 999_999]), "they end")
    assert (list(ids), ended) == (sorted(ids), {"succeeded": 20})
    assert (await control.count(tasks_of(mine))).number == 20
    assert (await control.count(tasks_of(mine, "status:failed"))).number == 0
    assert (await control.count(parse("", Noun.JOBS))).number >= 1


async def test_no_loose_tasks_make_no_commit(control):
    newest = EventQuery(filter=parse("sort:-id", Noun.EVENTS))
    before = await control.events(newest, limit=1)
    assert await control.enqueue([]) == ()
    assert await control.events(newest, limit=1) == before


async def test_a_bulk_verb_acts_on_what_the_preview_said(control, mine):
    ids = await queued(control, mine, 12)
    seen = await control.preview(tasks_of(mine), excluding=ids[:2])
    assert (seen.number, seen.by_status, seen.first) == (10, {"queued": 10}, ids[2:7])
    await control.hold(Target(task_ids=ids[2:5]), reason="meanwhile")
    drifted = await control.preview(tasks_of(mine), as_of=seen.as_of, excluding=ids[:2])
    assert (drifted.number, drifted.since, drifted.as_of) == (7, 3, seen.as_of)
    target = Target(filter=tasks_of(mine), as_of=seen.as_of, excluding=ids[:2])
    done = await control.cancel(target, reason="enough", actor="ann")
    assert (done.changed, done.refused) == (7, ())
    assert (await control.count(tasks_of(mine, "status:cancelled"))).number == 7
    assert (await control.unhold(Target(task_ids=ids[2:5]))).changed == 3
    assert (await control.retry(Target(filter=tasks_of(mine, "status:cancelled")))).changed == 7
    assert (await control.count(tasks_of(mine, "status:queued"))).number == 12


async def test_refused_tasks_are_named(control, mine):
    ids = await queued(control, mine, 2)
    await control.cancel(Target(task_ids=ids))
    done = await control.hold(Target(task_ids=(*ids, 999_999)))
    refused = sorted(refusal.id for refusal in done.refused if refusal.reason)
    assert (done.changed, refused) == (0, [*ids, 999_999])


async def test_what_runs_is_killed_at_once_and_what_does_not_run_is_named(control, door, mine):
    script = "trap '' TERM; echo $$; while :; do sleep 1; done"
    spec = TaskSpec(uses="shell", with_={"script": script})
    (stubborn,) = await control.enqueue([spec], group=mine)
    (waits,) = await queued(control, mine, 1)
    await _said(control, stubborn)
    done = await control.kill(Target(task_ids=(stubborn, waits, 999_999)), reason="stuck", actor="ann")
    assert (done.changed, sorted(refusal.id for refusal in done.refused)) == (1, [waits, 999_999])
    assert await within(control.wait_tasks([stubborn]), "it ends") == {"cancelled": 1}
    events = (await control.events(EventQuery(task_id=stubborn))).rows
    (asked,) = [event for event in events if event.kind == "task.stop_requested"]
    assert (asked.actor, asked.data) == (by("ann"), {"reason": "stuck", "how": "kill"})
    assert (await control.kill(Target(filter=tasks_of(mine)), reason="again")).changed == 0


async def test_a_cancel_by_force_takes_what_waits_and_kills_what_runs(control, mine):
    script = "trap '' TERM; echo $$; while :; do sleep 1; done"
    tasks = [
        {"key": "a", "uses": "shell", "with": {"script": script}},
        {"key": "b", "uses": "delay", "with": {"seconds": 0}, "needs": ["a"]},
    ]
    job = (await control.submit({"name": mine, "tasks": tasks})).job_id
    await _said(control, await control.find_task(f"{job}/a"))
    done = await control.cancel(Target(job_id=job), reason="stuck", force=Force.KILL, actor="ann")
    assert done.changed == 2
    result = await within(control.wait_job(job), "the job ends")
    assert (result.status, result.tasks) == ("cancelled", {"cancelled": 2})


async def test_a_queue_goes_on_when_it_is_resumed(control, mine):
    ids = await queued(control, mine, 3)
    assert (await control.resume(Target(queue=mine), actor="ann")).changed == 1
    assert await within(control.wait_tasks(ids), "they run") == {"succeeded": 3}


async def test_held_tasks_are_given_up(control, mine):
    ids = await queued(control, mine, 3)
    await control.hold(Target(task_ids=ids))
    done = await control.fail(Target(task_ids=ids), reason="hopeless", actor="ann")
    assert (done.changed, done.refused) == (3, ())
    assert (await control.count(tasks_of(mine, "status:failed"))).number == 3


async def test_changes_come_as_soon_as_something_happens_and_nothing_is_missed(control, mine):
    first = await control.changes()
    waiting = asyncio.ensure_future(control.changes(first.last_event))
    (task,) = await control.enqueue(delays(1), group=mine)
    heard, last = set(), first.last_event
    # Of other tasks, too: they share the engine.
    while "task.succeeded" not in heard or (await control.task(task)).task.status != "succeeded":
        found = await within(waiting, "changes are told")
        assert found.last_event >= last
        heard, last = heard | found.kinds, found.last_event
        waiting = asyncio.ensure_future(control.changes(last))
    waiting.cancel()
    assert {"task.created", "task.claimed"} <= heard
    assert (found.tasks["succeeded"] >= 1, found.engine.slots) == (True, SLOTS)
    assert (await control.task(task)).task.status == "succeeded"


async def test_the_pulse_tells_what_ended_and_what_waits(control, mine):
    await queued(control, mine, 4)
    (done,) = await control.enqueue(delays(1))
    await within(control.wait_tasks([done]), "it ends")
    pulse = await control.pulse(minutes=5)
    assert sum(rate.ended.get("succeeded", 0) for rate in pulse.rates) >= 1
    assert len({rate.seconds for rate in pulse.rates}) == 1
    assert all(waiting.tasks > 0 for waiting in pulse.waiting)


async def test_the_engine_says_who_it_is(control, door):
    info = await control.status()
    assert (info.slots, info.home, info.state) == (SLOTS, str(door.home), "serving")
    assert (info.pid == os.getpid()) == (door.name == "local")


async def test_the_store_is_copied_into_a_file_that_is_empty(control, mine, tmp_path):
    (task,) = await control.enqueue([TaskSpec(uses="delay", with_={"seconds": 0})], group=mine)
    (tmp_path / "copy.db").touch(mode=0o600)
    copied = await control.backups.copy_store(str(tmp_path / "copy.db"))
    assert copied.size == (tmp_path / "copy.db").stat().st_size
    with sqlite3.connect(tmp_path / "copy.db") as db:
        assert db.execute("SELECT grp FROM task WHERE id = ?", (task,)).fetchall() == [(mine,)]
    db.close()
    with pytest.raises(Invalid) as refused:
        await control.backups.copy_store(str(tmp_path / "copy.db"))
    assert refused.value.code == "backup.file"


async def test_an_orphan_is_found_kept_killed_and_given_up(control, door, mine, tmp_path):
    started = tmp_path / "started"
    # By the shell itself: a `touch` that has made the file may live on for a moment, as a second process.
    argv = ["sh", "-c", ': > "$0"; exec sleep 300', str(started)]
    spec = TaskSpec(uses="shell", with_={"argv": argv}, on_loss=OnLoss.ASK)
    (task,) = await control.enqueue([spec], group=mine)
    await until(started.exists, "its command runs")
    pid = door.home / "output" / str(task) / "1" / "pid"
    os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)
    orphan = await _orphan(control, task)
    assert (orphan.kind, orphan.epoch, len(orphan.pids), orphan.kept) == (OrphanKind.LIVING, 1, 1, False)
    assert "sleep" in orphan.commands[0]
    assert (await control.orphans.keep(Target(task_ids=(task,)), actor="ann")).changed == 1
    assert (await _orphan(control, task)).kept
    done = await control.orphans.kill(Target(task_ids=(task, 999_999)), reason="old", actor="ann")
    assert (done.changed, [refusal.id for refusal in done.refused]) == (1, [999_999])
    while (await _orphan(control, task)).kind is not OrphanKind.LOST:
        await control.changes((await control.changes()).last_event - 1)
    assert (await control.fail(Target(task_ids=(task,)))).changed == 1
    assert task not in {orphan.task_id for orphan in await control.orphans.all()}


@pytest.mark.parametrize(
    ("name", "how"), [("socket", StopMode.DRAIN), ("socket", StopMode.KILL), ("command", StopMode.STOP)]
)
async def test_the_engine_ends_when_it_is_asked_to(tmp_path, name, how):
    async with served(tmp_path / "home") as place, far_door(name, place.path) as door:
        control = door.control
        waiting = asyncio.ensure_future(control.wait_tasks(await control.enqueue(delays(1, 300))))
        await control.enqueue(delays(1))
        if how is StopMode.DRAIN:
            await control.stop_engine(how)
            info = await control.status()
            assert (info.state, [closed.code for closed in info.closed]) == ("draining", ["engine.draining"])
            waiting.cancel()
            await control.resume_engine()
            info = await control.status()
            assert (info.state, info.closed) == ("serving", ())
            with pytest.raises(Conflict) as refused:
                await control.resume_engine()
            assert refused.value.code == "engine.serving"
            return
        await control.stop_engine(how)
        with pytest.raises(Unavailable) as caught:
            await within(waiting, "who waits is told")
        assert caught.value.code in {"engine.lost", "engine.none"}
        await asyncio.to_thread(place.has_none)
        with pytest.raises(Unavailable) as caught:
            await control.task(1)
        assert caught.value.code in {"engine.lost", "engine.none"}


async def test_closing_twice_is_fine_and_the_engine_goes_on(home):
    async with far_door("socket", home) as door:
        control = door.control
        await control.status()
        await control.close()
        await control.close()
    async with far_door("socket", home) as door:
        assert await door.control.status()


async def test_everybody_gets_the_same_answers(local):
    """Beside the engine, through its socket, through a command and, of what is stored, from the file."""
    mine = "same-answers"
    ids = await queued(local.control, mine, 3)
    job = (await local.control.submit(FLOW, {"times": 1}, options=SubmitOptions(name=mine))).job_id
    await within(local.control.wait_job(job), "it ends")
    say = await local.control.find_task(f"{job}/say")
    created = (await local.control.events(EventQuery(job_id=job), limit=1)).rows[0]
    at, event = created.at, created.id
    stored = [
        lambda control: control.jobs(limit=1),
        lambda control: control.job(job),
        lambda control: control.job_detail(job),
        lambda control: control.tasks(tasks_of(mine)),
        lambda control: control.tasks(tasks_of(mine, "sort:id"), limit=2),
        lambda control: control.task(say),
        lambda control: control.find_task(f"{job}/after"),
        _queues,
        lambda control: control.events(EventQuery(job_id=job)),
        lambda control: control.logs.chunk(say),
        lambda control: control.logs.lines(LogLines(task_id=say)),
        lambda control: control.logs.find(FindInLog(task_id=say, query=TextQuery(text="h"))),
        lambda control: control.logs.count(CountInLog(task_id=say, query=TextQuery(text="h"))),
        lambda control: control.logs.find_in_tasks(
            FindInLogs(where=tasks_of(mine), query=TextQuery(text="h"))
        ),
        lambda control: control.count(tasks_of(mine)),
        lambda control: control.preview(tasks_of(mine), excluding=ids[1:]),
        lambda control: control.failures.families(),
        lambda control: control.notices.page(),
        lambda control: control.why(say),
        lambda control: control.why_job(job),
        lambda control: control.timeline(job),
        lambda control: control.runs(mine),
        lambda control: control.definition(job),
        lambda control: _past(control, at),
        lambda control: control.past.jobs(PastJobs(event=event, where=parse(f"name:{mine}", Noun.JOBS))),
        lambda control: control.past.tasks(PastTasks(event=event, where=tasks_of(mine))),
        lambda control: control.history.job_at(job, event=event),
        lambda control: control.history.tasks_at(job, event),
        lambda control: control.history.compare(job, job),
        lambda control: _rows(control, job),
    ]
    live = [
        lambda control: control.orphans.all(),
        lambda control: control.describe(FLOW),
        _predicted,
        lambda control: control.wait_job(job),
        lambda control: control.status(),
        lambda control: control.changes(),
        lambda control: control.hold(Target(task_ids=(say,))),
    ]
    readers = Readers(local.home / "taskdeck.db")
    sight = partial(ask_engine, local.control)
    async with ReadingControl(
        Reports(readers), local.home / "output", sights=Sights(engine=sight), readers=readers
    ) as reading:
        for number, question in enumerate(stored):
            assert await question(reading) == await question(local.control), number
        with pytest.raises(Unavailable) as unplanned:
            await reading.predict(FLOW)
        assert unplanned.value.code == "predict.bundle"
        assert (await reading.pulse()).waiting == (await local.control.pulse()).waiting
    for name in DOORS[1:]:
        async with far_door(name, local.home) as far:
            for number, question in enumerate(stored + live):
                assert await question(far.control) == await question(local.control), number


async def _predicted(control: ControlAPI) -> tuple[object, ...]:
    """Return of a prediction what does not change from one look to the next."""
    view = await control.predict(FLOW, {"times": 3})
    with pytest.raises(InvalidDocument):
        await control.predict(BROKEN)
    with pytest.raises(Invalid):
        await control.predict(FLOW, {"times": 10})
    return view.name, view.tasks, view.unknown, view.slots, view.never, view.costs, view.budgets


async def _queues(control: ControlAPI) -> list[QueueView]:
    """Return the queues without their rates: those change from one look to the next."""
    return [replace(queue, rate=0.0) for queue in await control.queues()]


async def _said(control: ControlAPI, task: int) -> None:
    """Return when the output of a task has begun."""

    async def told() -> None:
        while not (await control.logs.chunk(task)).data:
            await asyncio.to_thread(os.sched_yield)

    await within(told(), "it says something")


async def _orphan(control: ControlAPI, task: int) -> OrphanView:
    """Return the orphan as soon as it is found."""

    async def found() -> OrphanView:
        while True:
            for orphan in await control.orphans.all():
                if orphan.task_id == task:
                    return orphan

    return await within(found(), "the orphan is found")
