"""Each verb on many items says of each what single refusals say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import pytest

from core.control.all_verbs import VERBS
from core.control.api import ControlAPI, DocumentText, Target, TaskSpec
from core.control.nouns.orphans import KeepOrphans, KillOrphans
from core.control.nouns.upkeep import Pin, Purge, Unpin
from core.control.operator_requests import (
    Cancel,
    Fail,
    Hold,
    Kill,
    Pause,
    Prioritise,
    Resume,
    Retry,
    Unhold,
)
from core.control.requests import Request
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Effect, Operated
from core.model.purges import PurgeView, PurgeWhat
from core.model.records import replace
from core.model.refusals import Refusal
from tests.support.refused import lacks

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = 987_654
RUNS = DocumentText(
    name="runs.yaml",
    text="""
name: runs
tasks:
  - {key: run, uses: delay, with: {seconds: 1000}}
  - {key: wait, needs: [run], uses: delay, with: {seconds: 0}}
""",
)
DONE = DocumentText(
    name="done.yaml", text="name: done\ntasks: [{key: a, uses: shell, with: {script: 'echo x'}}]\n"
)


def configured(home: Path) -> Path:
    home.mkdir()
    return home


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Jobs and tasks as verbs do not want them."""

    job: int
    running: int
    blocked: int
    done: int
    """A job that has ended, and is pinned."""
    ended: int
    held: int


async def scene_of(control: ControlAPI) -> Scene:
    job, done = (await control.submit(RUNS)).job_id, (await control.submit(DONE)).job_id
    await control.wait_job(done)
    await control.upkeep.pin(Target(job_id=done), reason="kept")
    aside = f"aside-{job}"
    await control.enqueue([TaskSpec(uses="delay", with_={"seconds": 0}, queue=aside)])
    await control.pause(Target(queue=aside))
    loose = TaskSpec(uses="delay", with_={"seconds": 0}, queue=aside, priority=8)
    (held,) = await control.enqueue([loose])
    await control.hold(Target(task_ids=(held,)))
    last = 0
    while not (await control.tasks(parse(f"job:{job} status:running", Noun.TASKS))).rows:
        last = (await control.changes(last)).last_event
    ids = {task.task.key: task.task.id for task in (await control.job_detail(job)).tasks}
    (ended,) = [task.task.id for task in (await control.job_detail(done)).tasks]
    return Scene(job=job, running=ids["run"], blocked=ids["wait"], done=done, ended=ended, held=held)


def tasks(*ids: int) -> Target:
    return Target(task_ids=ids)


Bulk = Request[Operated] | Request[PurgeView]
Case = tuple[Bulk, set[str]]
CASES: Mapping[type, Callable[[Scene], list[Case]]] = {
    Cancel: lambda s: [
        (Cancel(target=tasks(s.ended, GONE)), {"task.ended", "task.unknown"}),
        (Cancel(target=Target(job_id=s.done)), {"job.status"}),
    ],
    Kill: lambda s: [
        (
            Kill(target=tasks(s.ended, s.blocked, GONE), reason="x"),
            {"task.ended", "task.status", "task.unknown"},
        )
    ],
    Retry: lambda s: [
        (Retry(target=tasks(s.running, s.blocked, GONE)), {"task.status", "task.unknown"}),
        (Retry(target=Target(job_id=s.done)), {"job.nothing_failed"}),
    ],
    Pause: lambda s: [(Pause(target=Target(job_id=s.done)), {"job.status"})],
    Resume: lambda s: [(Resume(target=Target(job_id=s.job)), {"job.status"})],
    Hold: lambda s: [
        (
            Hold(target=tasks(s.running, s.blocked, s.held, s.ended, GONE)),
            {"task.status", "task.ended", "task.unknown"},
        )
    ],
    Unhold: lambda s: [(Unhold(target=tasks(s.running, s.ended)), {"task.status", "task.ended"})],
    Fail: lambda s: [(Fail(target=tasks(s.running, s.ended), reason="x"), {"task.status", "task.ended"})],
    Prioritise: lambda s: [
        (
            Prioritise(target=tasks(s.held, s.ended, GONE), priority=8),
            {"task.same", "task.ended", "task.unknown"},
        )
    ],
    Pin: lambda s: [
        (Pin(target=Target(job_id=s.done), reason="x"), {"pin.kept"}),
        (Pin(target=tasks(GONE), reason="x"), {"task.unknown"}),
    ],
    Unpin: lambda s: [
        (Unpin(target=Target(job_id=s.job)), {"pin.none"}),
        (Unpin(target=tasks(s.ended)), {"pin.none"}),
    ],
    KeepOrphans: lambda s: [(KeepOrphans(target=tasks(s.ended, GONE)), {"orphan.unknown"})],
    KillOrphans: lambda s: [(KillOrphans(target=tasks(s.ended, GONE), reason="x"), {"orphan.unknown"})],
    Purge: lambda s: [
        (
            Purge(what=PurgeWhat.JOBS, ids=(1, s.job, s.done, GONE), reason="x"),
            {"job.inbox", "job.status", "pin.kept", "job.unknown"},
        ),
        (
            Purge(what=PurgeWhat.TASKS, ids=(s.ended, s.held, GONE), reason="x"),
            {"task.of_job", "task.status", "task.unknown"},
        ),
        (Purge(what=PurgeWhat.OUTPUTS, ids=(s.ended,), reason="x"), {"pin.kept"}),
    ],
}
"""What each verb on many items refuses in the scene, and with which codes."""
WHOLE = {
    "acknowledge",
    "unacknowledge",
    "change_capacity",
    "add_schedule",
    "edit_schedule",
    "switch_schedule",
}
"""Verbs with such an answer that raise what they refuse."""


def answers_with_refusals() -> dict[str, type]:
    return {
        verb.name: request
        for request, verb in VERBS.items()
        if isinstance(verb.answer, type) and tuple[Refusal, ...] in get_type_hints(verb.answer).values()
    }


async def test_each_verb_on_many_items_is_tried_here():
    named = {name for name, request in answers_with_refusals().items() if request in CASES}
    assert named | WHOLE == set(answers_with_refusals()), "a verb that refuses items is not in CASES"


async def test_each_refused_item_has_code_ids_and_what_to_do_next(control: ControlAPI):
    scene = await scene_of(control)
    try:
        for of in CASES.values():
            for request, codes in of(scene):
                for asked in _with_rehearsal(request):
                    refused = (await _answer(control, asked)).refused
                    assert {one.code for one in refused} == codes, asked
                    assert [(one, lacks(one)) for one in refused if lacks(one)] == []
    finally:
        await control.kill(tasks(scene.running), reason="the test is over")
        await control.cancel(tasks(scene.held))


async def _answer(control: ControlAPI, request: Bulk) -> Operated | PurgeView:
    answer = await control.ask(request)
    assert isinstance(answer, Operated | PurgeView)
    return answer


def _with_rehearsal(request: Bulk) -> list[Bulk]:
    """Return a request as a rehearsal and as it is; what is done with orphans is not rehearsed."""
    if isinstance(request, KeepOrphans | KillOrphans):
        return [request]
    return [replace(request, effect=Effect.NONE), request]  # type: ignore[call-arg]
