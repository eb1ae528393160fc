"""Documents of workflow patterns, each run to the end that it expects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import pytest

from core.config import load
from core.connectors.child_workflow import ChildWorkflow
from core.connectors.delay import Delay
from core.connectors.http import Http
from core.connectors.human import Human
from core.connectors.outside_waits import FileWait, JobWait
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.control.nouns.signals import SendSignal
from core.model.commands.work import SubmitOptions
from core.model.limits.limits import Capacity, Limit, LimitKind
from tests.connectors.http_servers import reply, serving
from tests.pages.generated import ROOT
from tests.support.house import House

DOCUMENTS = sorted((ROOT / "tests/patterns").glob("*.yaml"))
OTHER = {"name": "other", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]}


def said(path: Path, what: str) -> list[str]:
    """Return the words behind `# what: ` in a document."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        word for line in lines if line.startswith(f"# {what}: ") for word in line.split(": ", 1)[1].split()
    ]


@pytest.fixture
async def house(empty_house: House, tmp_path: Path) -> House:
    """Return an open house whose engine knows every kind of wait, and the limit `one`."""
    http = Http(load(tmp_path))
    waits = [Wait(), SignalWait(), FileWait(), JobWait(), Human(), ChildWorkflow()]
    empty_house.registry = lambda: Registry([Delay(), Shell(), http, *waits])
    empty_house.capacity = Capacity(limits=(Limit(name="one", kind=LimitKind.CONCURRENCY, max=1),))
    await empty_house.open()
    return empty_house


@asynccontextmanager
async def answering(path: Path) -> AsyncIterator[dict[str, str]]:
    """Serve the states that a document says; give the parameters that lead there."""
    states = said(path, "answers")
    async with serving() as server:
        server.answers += [
            reply(200, f'{{"state": "{state}"}}'.encode(), "Content-Type: application/json")
            for state in states
        ]
        yield {"url": server.url("/")} if states else {}


def is_over_a_second_later(house: House, job: int) -> bool:
    """Let a second pass; return whether the job has ended."""
    house.clock.advance(seconds=1)
    return house.job_status(job) not in ("pending", "running", "ending")


async def act(house: House, path: Path, job: int, folder: Path) -> None:
    """Do what people and other programs do, as a document says."""
    for name in said(path, "signal"):
        await house.control.signals.send(SendSignal(name=name, actor="ann"))
    for name in said(path, "after next"):
        await house.reach(job, "next", "succeeded")
        await house.control.signals.send(SendSignal(name=name, actor="ann"))
    for name in said(path, "file"):
        await house.reach(job, "come", "waiting")
        (folder / name).write_text("text")
    for key in said(path, "job"):
        await house.reach(job, "other", "waiting")
        await house.control.submit(OTHER, options=SubmitOptions(client_key=key))
    for key in said(path, "cancel"):
        await house.reach(job, key, "waiting")
        await house.control.cancel(house.target(job, key))
    key, *people = said(path, "approve") or [""]
    for name in people:
        await house.reach(job, key, "waiting")
        (item,) = (await house.control.work_items.list()).items
        await house.control.work_items.approve(item.id, actor=name)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
async def test_a_pattern_runs_to_the_end_that_it_expects(house: House, tmp_path: Path, path: Path):
    status, *tasks = said(path, "expect")
    async with answering(path) as params:
        options = SubmitOptions(cwd=str(tmp_path))
        job = (await house.control.submit(str(path), params, options=options)).job_id
        await act(house, path, job, tmp_path)
        if said(path, "time"):
            await house.until(lambda: is_over_a_second_later(house, job), f"time passes: {house.states(job)}")
        assert (await house.ended(job)).status == status
    assert house.states(job) == dict(task.split("=") for task in tasks)
    children = house.rows("SELECT status FROM job WHERE parent_task IS NOT NULL")
    assert [one for (one,) in children] == said(path, "children")
    alone = who_ran(house, "t.key", "t.key", said(path, "one_at_a_time"))
    alone += who_ran(house, "t.job_id", "j.name", said(path, "one_after_another"))
    assert len([*groupby(alone)]) == len(set(alone)), "none begins before another one has ended"


def who_ran(house: House, who: str, of: str, names: list[str]) -> list[object]:
    """Return who began and ended tasks of these names, in order."""
    sql = (
        f"SELECT {who} FROM event e JOIN task t ON t.id = e.task_id JOIN job j ON j.id = t.job_id"
        f" WHERE {of} IN (SELECT value FROM json_each(?))"
        " AND e.kind IN ('task.claimed', 'task.succeeded') ORDER BY e.id"
    )
    found = [one for (one,) in house.rows(sql, json.dumps(names))]
    assert bool(found) == bool(names)
    return found


def test_the_page_names_every_document_and_no_other() -> None:
    page = (ROOT / "docs/patterns.md").read_text(encoding="utf-8")
    named = {word for word in page.replace("`", " ").split() if word.endswith(".yaml")}
    assert {Path(word).name for word in named} == {path.name for path in DOCUMENTS}
