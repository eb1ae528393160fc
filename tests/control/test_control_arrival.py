"""Tests that arguments reach the engine unchanged, locally and by socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.control.api import EventQuery, StopMode, SubmitOptions, Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.host import effective_user
from core.model.commands.work import Cancel, Enqueue, Hold, Pause, Rerun, Resume, Unhold
from core.model.errors import (
    Bug,
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    InvalidDocument,
    NotFound,
    TaskdeckError,
    Unavailable,
)
from core.model.plans import Backoff, Jitter, OnLoss, RetryPolicy
from core.model.records import replace
from core.model.task_specs import TaskSpec
from core.store.reports.paging import search
from tests.control.control_stage import INFO, RESULT
from tests.support.actors import by
from tests.support.waiting import DEADLINE

HOSTILE = {
    "nul": "a\x00b",
    "lone": "\ud800 and \udfff",
    "big": 2**63,
    "negative": -(2**80),
    "escape": "\x1b]52;c;x\x07\u202e",
    "deep": [[{"a": [None, True, 1.5]}]],
    "clé \x00\ud800": "value",
}
FULL = TaskSpec(
    uses="shell",
    with_={"argv": ["echo", *(str(value) for value in HOSTILE.values())], "env": HOSTILE},
    key="key \x00",
    name="name \ud800",
    queue="slow",
    priority=9,
    timeout=2.5,
    on_loss=OnLoss.ASK,
    retry=RetryPolicy(
        max_attempts=3, backoff=Backoff.FIXED, base_ms=5, max_ms=7, jitter=Jitter.NONE, on=("http.5xx", "x")
    ),
    metadata={"m": HOSTILE},
    context={"cwd": "/tmp/\udcff", "env": {"A": "\x01"}},
)
ERRORS = [
    TaskdeckError("a.code", "a sentence \x00\ud800", hint="a way out", facts=HOSTILE),
    Invalid("a.code", "a sentence", hint="a way out", facts={"n": 2**63}),
    InvalidDocument("flow.yaml", [Fault(code="a", message="m \x1b", line=3, column=9, path="stages[0]")]),
    InvalidDocument("flow.yaml", [Fault(code="a", message="m"), Fault(code="b", message="n", line=1)]),
    Forbidden("a.code", "a sentence"),
    NotFound("a.code", "a sentence"),
    Conflict("a.code", "a sentence"),
    Unavailable("a.code", "a sentence"),
    Bug("a.code", "a sentence"),
]


def delay(**fields) -> TaskSpec:
    return TaskSpec(uses="delay", with_={"seconds": 0}, **fields)


async def test_a_submit_reaches_the_engine_with_everything_that_was_said(stage):
    options = SubmitOptions(
        actor="ann", cwd="/tmp/\udcff", env={"PATH": "/bin"}, client_key="k \x00", name="mine"
    )
    submitted = await stage.control.submit({"name": "x", "deep": HOSTILE}, HOSTILE, options=options)
    again = await stage.control.submit({"name": "x", "deep": HOSTILE}, HOSTILE, options=options)
    assert stage.engine.asked[0] == (
        "submit",
        {"name": "x", "deep": HOSTILE},
        HOSTILE,
        replace(options, actor=by("ann")),
    )
    assert (again.job_id, again.duplicate, submitted.duplicate) == (submitted.job_id, True, False)
    job = await stage.control.job(submitted.job_id)
    assert (job.name, job.actor, job.params["nul"]) == ("mine", by("ann"), "a\x00b")


async def test_a_path_is_taken_from_the_callers_directory(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    await stage.control.submit("sub/flow.yaml")
    await stage.control.submit("/etc/flow.yaml")
    default = SubmitOptions(actor=by())
    assert stage.engine.asked == [
        ("submit", str(tmp_path / "sub/flow.yaml"), {}, default),
        ("submit", "/etc/flow.yaml", {}, default),
    ]


async def test_loose_tasks_come_back_as_ids_in_order(stage):
    ids = await stage.control.enqueue(
        [delay(key="a"), delay(key="b"), delay(key="c")], group="g", actor="ann"
    )
    assert list(ids) == sorted(ids)
    assert [(await stage.control.task(task_id)).task.key for task_id in ids] == ["a", "b", "c"]
    assert {(await stage.control.task(task_id)).task.group for task_id in ids} == {"g"}


async def test_every_field_of_a_loose_task_arrives_unharmed(stage):
    await stage.control.enqueue([FULL, delay()])
    command = Enqueue(tasks=(FULL.to_plan(), delay().to_plan()), group=None, actor=by())
    assert stage.engine.asked == [command]


async def test_no_loose_tasks_ask_nothing(stage):
    assert await stage.control.enqueue([]) == ()
    assert stage.engine.asked == []


async def test_a_job_is_cancelled_with_reason_and_actor(stage):
    job = await stage.control.submit({"name": "x"})
    done = await stage.control.cancel(Target(job_id=job.job_id), reason="wrong \x00", actor="ann")
    assert done.changed >= 1
    assert stage.engine.asked[-1] == Cancel(job_id=job.job_id, reason="wrong \x00", actor=by("ann"))


async def test_many_ids_are_carried_out_in_bites_and_refusals_are_collected(stage):
    ids = await stage.control.enqueue([delay()] * 1_500)
    unknown = [9_000_001, 9_000_002]
    done = await stage.control.hold(Target(task_ids=(*ids, unknown[0], ids[0], unknown[1])), reason="later")
    bites = [command for command in stage.engine.asked if isinstance(command, Hold)]
    assert [len(bite.task_ids) for bite in bites] == [1_000, 502]
    assert done.changed == 1_500
    assert [refusal.id for refusal in done.refused if refusal.reason] == unknown


@pytest.mark.parametrize("leaving", ["status:queued", "status:queued,held"])
async def test_a_filter_finds_its_tasks_once_whether_they_leave_it_meanwhile_or_not(stage, leaving):
    await stage.control.enqueue([delay()] * 5, group="other")
    ids = await stage.control.enqueue([delay()] * 1_200, group='mine "é"')
    wanted = parse(rf'group:"mine \"é\"" {leaving} sort:-id', Noun.TASKS)
    done = await stage.control.hold(Target(filter=wanted))
    bites = [command.task_ids for command in stage.engine.asked if isinstance(command, Hold)]
    assert [task_id for bite in bites for task_id in bite] == list(ids)
    assert (done.changed, done.refused) == (1_200, ())
    assert {task.status for task in (await stage.control.tasks(wanted)).rows} <= {"held"}


async def test_held_tasks_go_on_and_cancelled_ones_run_again(stage):
    ids = await stage.control.enqueue([delay(), delay()])
    target = Target(task_ids=ids)
    await stage.control.hold(target)
    assert (await stage.control.unhold(target, actor="ann")).changed == 2
    assert (await stage.control.cancel(target, reason="r")).changed == 2
    assert (await stage.control.retry(target, downstream=True)).changed == 2
    assert stage.engine.asked[2:] == [
        Unhold(task_ids=ids, actor=by("ann")),
        Cancel(task_ids=ids, reason="r", actor=by()),
        Rerun(task_ids=ids, downstream=True, actor=by()),
    ]


async def test_queues_and_jobs_are_paused_and_resumed(stage):
    job = (await stage.control.submit({"name": "x"})).job_id
    await stage.control.pause(Target(queue="default"), reason="night", actor="ann")
    await stage.control.pause(Target(job_id=job))
    (queue,) = await stage.control.queues()
    assert (queue.paused_by, queue.pause_reason) == (by("ann"), "night")
    await stage.control.resume(Target(queue="default"))
    await stage.control.resume(Target(job_id=job), actor="ann")
    assert stage.engine.asked[1:] == [
        Pause(queue="default", reason="night", actor=by("ann")),
        Pause(job_id=job, actor=by()),
        Resume(queue="default", actor=by()),
        Resume(job_id=job, actor=by("ann")),
    ]


async def test_a_job_is_run_again(stage):
    job = (await stage.control.submit({"name": "x"})).job_id
    await stage.control.cancel(Target(job_id=job))
    await stage.control.retry(Target(job_id=job), actor="ann")
    assert stage.engine.asked[-1] == Rerun(job_id=job, actor=by("ann"))


@pytest.mark.parametrize("verb", ["cancel", "retry", "hold", "unhold"])
@pytest.mark.parametrize(
    "target", [Target(queue="default"), Target(filter=parse("name:x", Noun.JOBS))], ids=["queue", "jobs"]
)
async def test_verbs_of_tasks_refuse_other_targets(stage, verb, target):
    with pytest.raises(Invalid) as caught:
        await getattr(stage.control, verb)(target)
    assert (caught.value.code, stage.engine.asked) == ("target.unfit", [])


@pytest.mark.parametrize("verb", ["hold", "unhold"])
async def test_a_job_is_not_held(stage, verb):
    with pytest.raises(Invalid) as caught:
        await getattr(stage.control, verb)(Target(job_id=1))
    assert caught.value.code == "target.unfit"


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_tasks_are_not_paused(stage, verb):
    with pytest.raises(Invalid) as caught:
        await getattr(stage.control, verb)(Target(task_ids=(1,)))
    assert (caught.value.code, stage.engine.asked) == ("target.unfit", [])


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_refusal_arrives_as_the_error_that_was_raised(stage, error):
    stage.engine.refusal = error
    with pytest.raises(type(error)) as caught:
        await stage.control.submit({"name": "x"})
    assert type(caught.value) is type(error)
    assert caught.value.to_json() == error.to_json()
    assert (str(caught.value), caught.value.exit_code) == (str(error), error.exit_code)
    if isinstance(error, InvalidDocument):
        assert (caught.value.source, caught.value.faults) == (error.source, error.faults)


async def test_waiting_for_a_job_returns_its_end(stage):
    waiting = asyncio.ensure_future(stage.control.wait_job(7))
    await asyncio.wait_for(stage.engine.waits.wait(), DEADLINE)
    assert not waiting.done()
    stage.engine.ended.set()
    assert await asyncio.wait_for(waiting, DEADLINE) == RESULT
    assert stage.engine.asked == [("wait_job", 7)]


async def test_waiting_for_tasks_returns_counts(stage):
    stage.engine.ended.set()
    assert await stage.control.wait_tasks([3, 4, 5]) == {"succeeded": 3}
    assert stage.engine.asked == [("wait_tasks", (3, 4, 5))]


async def test_who_stops_waiting_is_not_waited_for(stage):
    waiting = asyncio.ensure_future(stage.control.wait_tasks([1]))
    await asyncio.wait_for(stage.engine.waits.wait(), DEADLINE)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(stage.engine.dropped.wait(), DEADLINE)


async def test_others_are_answered_while_somebody_waits(stage):
    waiting = asyncio.ensure_future(stage.control.wait_job(7))
    await asyncio.wait_for(stage.engine.waits.wait(), DEADLINE)
    assert await stage.control.enqueue([delay()])
    stage.engine.ended.set()
    await asyncio.wait_for(waiting, DEADLINE)


async def test_many_calls_at_once_each_get_their_own_answer(stage):
    groups = await asyncio.gather(*(stage.control.enqueue([delay()] * count) for count in range(1, 40)))
    assert [len(group) for group in groups] == list(range(1, 40))
    assert len({task_id for group in groups for task_id in group}) == sum(range(1, 40))


async def test_the_engine_says_who_it_is(stage):
    assert await stage.control.status() == INFO


async def test_the_engine_is_asked_to_stop(stage):
    await stage.control.stop_engine()
    await stage.control.stop_engine(StopMode.DRAIN)
    await stage.control.stop_engine(StopMode.KILL)
    assert stage.engine.asked == [
        ("stop", how, f"{effective_user()} (api)") for how in (StopMode.STOP, StopMode.DRAIN, StopMode.KILL)
    ]


async def test_jobs_tasks_and_events_are_read_page_by_page(stage):
    jobs = [(await stage.control.submit({"name": "x"})).job_id for _ in range(3)]
    first = await stage.control.jobs(limit=2)
    rest = await stage.control.jobs(after=first.next, limit=2)
    assert [job.id for job in (*first.rows, *rest.rows)] == [*reversed(jobs), 1]
    assert [task.job_id for task in (await stage.control.tasks(limit=2)).rows] == [jobs[2], jobs[1]]
    events = await stage.control.events(EventQuery(job_id=jobs[1]), limit=1)
    more = await stage.control.events(EventQuery(job_id=jobs[1]), after_id=events.rows[0].id)
    assert events.rows[0].kind == "job.created"
    assert {event.job_id for event in more.rows} == {jobs[1]}


async def test_a_list_that_was_cut_says_so(stage, monkeypatch):
    monkeypatch.setattr(search, "SCAN_LIMIT", 3)
    ids = await stage.control.enqueue([delay() for _ in range(8)])
    page = await stage.control.tasks(parse("sort:-queued", Noun.TASKS), limit=2)
    rest = await stage.control.tasks(parse("sort:-queued", Noun.TASKS), after=page.next, limit=2)
    assert [task.id for task in (*page.rows, *rest.rows)] == list(ids[:-4:-1])
    assert (page.searched, rest.searched, rest.next) == (3, 3, None)
    early = await stage.control.tasks(parse("key:nobody", Noun.TASKS))
    assert (early.rows, early.searched, early.next is None) == ((), 3, False)
    events = await stage.control.events(EventQuery(filter=parse("kind:job.failed", Noun.EVENTS)))
    assert (events.rows, events.searched, events.next) == ((), 3, "3")
    assert (await stage.control.tasks(limit=20)).searched is None
    assert (await stage.control.jobs()).searched is None


async def test_one_job_is_read_with_its_tasks_and_document(stage):
    job = (await stage.control.submit({"name": "x"})).job_id
    detail = await stage.control.job_detail(job)
    assert [task.task.key for task in detail.tasks] == ["only"]
    assert await stage.control.definition(job) == {"name": "x"}
    assert await stage.control.find_task(f"{job}/only") == detail.tasks[0].task.id


async def test_what_is_not_there_is_not_found(stage):
    for reading in (stage.control.job(99), stage.control.task(99), stage.control.find_task("nobody")):
        with pytest.raises(NotFound):
            await reading


async def test_a_task_that_never_ran_has_no_output(stage):
    (task,) = await stage.control.enqueue([delay()])
    chunk = await stage.control.logs.chunk(task)
    assert (chunk.data, chunk.epoch, chunk.final) == (b"", 0, False)


async def test_output_is_read_by_offset_until_the_attempt_has_closed(stage):
    (task,) = await stage.control.enqueue([delay()])
    claimed = await stage.engine.run_next()
    out = _out(stage, task, claimed.epoch)
    out.write_bytes(b"hello \xff world")
    first = await stage.control.logs.chunk(task, limit=6)
    rest = await stage.control.logs.chunk(task, offset=first.end)
    assert (first.data, first.epoch, rest.data, rest.final) == (
        b"hello ",
        claimed.epoch,
        b"\xff world",
        False,
    )
    await stage.engine.succeed(claimed)
    assert not (await stage.control.logs.chunk(task, limit=6)).final
    assert (await stage.control.logs.chunk(task, offset=rest.end)).final


async def test_output_is_read_from_the_end(stage):
    (task,) = await stage.control.enqueue([delay()])
    claimed = await stage.engine.run_next()
    _out(stage, task, claimed.epoch).write_bytes(b"0123456789")
    assert (await stage.control.logs.chunk(task, offset=-4)).data == b"6789"
    assert (await stage.control.logs.chunk(task, offset=-400)).data == b"0123456789"


async def test_an_attempt_that_was_not_made_is_not_found(stage):
    (task,) = await stage.control.enqueue([delay()])
    with pytest.raises(NotFound) as caught:
        await stage.control.logs.chunk(task, epoch=3)
    assert caught.value.code == "attempt.unknown"


async def test_closing_twice_is_fine(stage):
    await stage.control.close()
    await stage.control.close()


@pytest.mark.parametrize("parts", [{}, {"job_id": 1, "queue": "q"}, {"task_ids": (), "job_id": 2}])
def test_a_target_is_exactly_one_thing(parts):
    with pytest.raises(Invalid) as caught:
        Target(**parts)
    assert caught.value.code == "target.one"


def _out(stage, task: int, epoch: int) -> Path:
    directory = stage.home / "output" / str(task) / str(epoch)
    directory.mkdir(parents=True)
    return directory / "out"
