"""Tests of describe: a document is checked, nothing is written."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from core.engine.admissions import admission
from core.engine.admissions.admission import read_workflow
from core.model.commands.work import Document, DocumentText
from core.model.errors import InvalidDocument, NotFound
from core.model.patterns.workflow_views import ParamView, WorkflowView
from core.model.plans import TaskPlan
from core.model.ports import Checks
from core.workflows.expansion import Workflow
from tests.support.house import House, task
from tests.support.waiting import DEADLINE

PARAMS = {
    "date": {"type": "string", "description": "Which day."},
    "limit": {"type": "integer", "default": 100, "min": 1, "max": 500},
    "level": {"default": "low", "enum": ["low", "high"]},
}
VIEWS = (
    ParamView(name="date", type="string", required=True, description="Which day."),
    ParamView(name="limit", type="integer", required=False, default=100, min=1, max=500),
    ParamView(name="level", type="string", required=False, default="low", choices=("low", "high")),
)
DOCUMENT = {
    "name": "scores",
    "params": PARAMS,
    "stages": [
        {"name": "one", "tasks": [task("a"), task("b", "succeed", "a")]},
        {"name": "two", "tasks": [task("c")]},
    ],
}
TEXT = "name: work\ntasks:\n  - {key: a, uses: steer}\n"


async def test_a_mapping_a_text_and_a_file_are_described_alike(house: House, tmp_path: Path):
    before = house.last_event()
    text = json.dumps(DOCUMENT)
    file = tmp_path / "scores.json"
    file.write_text(text)
    wanted = WorkflowView(name="scores", stages=2, tasks=3, params=VIEWS)
    assert await house.engine.describe(DOCUMENT) == wanted
    assert await house.engine.describe(DocumentText(name="here", text=text)) == wanted
    assert await house.engine.describe(str(file)) == wanted
    assert house.last_event() == before, "nothing was written"


async def test_parameters_need_no_value_to_be_described(house: House):
    view = await house.engine.describe(DOCUMENT)
    assert [param.name for param in view.params if param.required] == ["date"]


async def test_faults_are_those_of_a_submit_and_name_their_source_and_place(house: House):
    text = DocumentText(name="mail.yaml", text=TEXT.replace("steer", "steerr"))
    with pytest.raises(InvalidDocument) as described:
        await house.engine.describe(text)
    with pytest.raises(InvalidDocument) as submitted:
        await house.engine.submit(text)
    assert described.value.faults == submitted.value.faults
    assert described.value.source == "mail.yaml"
    assert described.value.faults[0].line == 3


async def test_a_file_that_is_not_there_is_not_found(house: House, tmp_path: Path):
    with pytest.raises(NotFound):
        await house.engine.describe(str(tmp_path / "none.yaml"))


async def test_a_warning_says_where(house: House):
    text = (
        "name: work\nstages:\n  - name: one\n    tasks: [{key: a, uses: steer}]\n"
        "  - name: two\n    tasks:\n      - {key: b, uses: steer, needs: [{task: a, when: done}]}\n"
    )
    view = await house.engine.describe(DocumentText(name="w", text=text))
    assert len(view.warnings) == 1
    assert view.warnings[0].startswith("line 7: ")


async def test_a_text_is_submitted_like_a_file_but_runs_where_it_is_told(house: House):
    submitted = await house.engine.submit(DocumentText(name="here", text=TEXT))
    assert (await house.ended(submitted.job_id)).status == "succeeded"
    assert house.steer.contexts["a"][0].cwd is None


@pytest.mark.parametrize("ask", ["describe", "submit"])
async def test_others_are_served_while_a_document_is_read(house: House, monkeypatch, ask: str):
    goes_on = threading.Event()

    def slow(document: Document, *, checks: Checks) -> Workflow:
        assert goes_on.wait(DEADLINE), "nobody else was served"
        return read_workflow(document, checks=checks)

    monkeypatch.setattr(admission, "read_workflow", slow)
    reading = asyncio.ensure_future(getattr(house.engine, ask)(DocumentText(name="w", text=TEXT)))
    await house.engine.admission.enqueue([TaskPlan(key="b", uses="steer")], group=None, actor="a")
    assert not reading.done()
    goes_on.set()
    await reading
