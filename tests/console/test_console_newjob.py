"""Tests of new jobs: picking a workflow, its form, one submit."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from threading import Event

import pytest
from textual.events import Key

from console.dialogs.new_job import FaultsDialog, NewJobDialog, fault_lines
from console.dialogs.workflow_picker import WorkflowPicker
from console.newjob.documents import (
    ENTRIES,
    Folder,
    Kind,
    builtins,
    narrowed,
    read_folder,
    recent,
    working_folder,
)
from console.newjob.params import field_of, prefilled, read_value, read_values
from console.newjob.schedule_fields import AS_NOW, EACH_FIRE, FOLLOWS, NAME, WORK
from console.newjob.schedule_work import Place, work_of
from console.screens.base import DeskScreen
from console.widgets.form import SafeInput, Submit
from core.control.api import SubmitOptions, read_document
from core.control.nouns.workflows import ListWorkflows
from core.model.commands.work import DocumentText, Submitted
from core.model.errors import Conflict, Fault, Invalid, InvalidDocument, NotFound, Unavailable
from core.model.patterns.workflow_views import ParamView, RegisteredView, WorkflowView
from core.model.predictions import PredictionView, Span, UnitCost
from core.model.records import replace
from core.model.timing.schedules import Work
from core.workflows.loader import load
from core.workflows.registry import names
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, shown, strips_of
from tests.console.support_fake_control import FakeControl
from tests.support.waiting import DEADLINE


class Clerk(FakeControl):
    """A control that keeps whole submits, and may lose its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.submits: list[tuple[object, dict, SubmitOptions]] = []
        self.lost = 0
        self.admitted: dict[str, int] = {}
        self.refusal: Exception | None = None

    async def answer_submit(self, request) -> Submitted:
        options = request.options
        self.submits.append((request.document.document, dict(request.params), options))
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        known = self.admitted.get(options.client_key)
        job_id = known or (await super().answer_submit(request)).job_id
        self.admitted[options.client_key] = job_id
        if self.lost:
            self.lost -= 1
            raise Unavailable("engine.lost", "the engine went before it answered", hint="try again")
        return Submitted(job_id=job_id, duplicate=known is not None)


PARAMS = (
    ParamView(name="date", type="string", required=True, description="the day to score"),
    ParamView(name="limit", type="integer", required=False, default=100, min=1, max=500),
    ParamView(name="mode", type="string", required=False, default="fast", choices=("fast", "full")),
    ParamView(name="dry", type="boolean", required=False, default=False),
    ParamView(name="tags", type="array", required=False, default=["a"]),
)


def clerk(*params: ParamView, name: str = "nightly.yaml") -> Clerk:
    control = Clerk()
    control.described[name] = WorkflowView(name="nightly", stages=2, tasks=1, params=params)
    return control


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a workflow, other files and a folder below; the console starts there.

    Its own name is short, so that a line has room for paths in it.
    """
    made = tmp_path_factory.mktemp("d")
    (made / "nightly.yaml").write_text("name: nightly\n")
    (made / "weekly.json").write_text("{}")
    (made / "notes.txt").write_text("no workflow")
    (made / ".hidden.yaml").write_text("name: hidden\n")
    (made / "below").mkdir()
    (made / "below" / "deep.yml").write_text("name: deep\n")
    monkeypatch.chdir(made)
    return made


async def open_form(operator: Operator, typed: str = "nightly") -> None:
    """Go to the form of a file of the folder."""
    await operator.press("o")
    await operator.sees("nightly.yaml")
    await operator.type(typed)
    await operator.press("enter")
    await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
    await operator.until(lambda: operator.app.screen.focused, "no line has the cursor")


async def submit(operator: Operator) -> None:
    """Go from the first line round to the last, and hand in."""
    await operator.press("shift+tab", "enter")


async def test_the_sample_is_a_few_keys_away(folder: Path) -> None:
    control = clerk(name="sample")
    async with console(control) as operator:
        await operator.press("o")
        await operator.sees("sample", "built in")
        await operator.press("enter")
        await operator.sees("New job: nightly  (2 stages, 1 task)", "[ Submit ]")
        await submit(operator)
        await operator.sees("Job 2  sample")
        document, params, options = control.submits[0]
        assert isinstance(document, DocumentText)
        assert "on_task_failure" in document.text
        assert (params, options.actor, options.cwd) == ({}, "console", str(folder))
        await operator.press("escape")
        await operator.sees("Jobs")


def test_the_built_in_workflows_are_those_that_the_command_line_knows() -> None:
    assert tuple(offer.name for offer in builtins()) == names()


async def test_the_picker_is_reached_by_its_name_too(folder: Path) -> None:
    async with console(clerk()) as operator:
        await operator.press("colon")
        await operator.type("new")
        await operator.press("enter")
        await operator.sees("New job: pick a workflow", "nightly.yaml")
        await operator.press("escape")
        await operator.sees("Jobs")


async def test_a_file_is_sent_as_text_with_its_values_and_the_folder_of_its_tasks(folder: Path) -> None:
    control = clerk(*PARAMS)
    async with console(control) as operator:
        await open_form(operator)
        await operator.sees(
            "date  (string, required)", "the day to score", "limit  (integer, 1 to 500, optional)", "< fast >"
        )
        await operator.type("2026-01-31")
        await operator.press("enter", "ctrl+u")
        await operator.type("7")
        await operator.press("enter", "right", "enter", "left", "enter", "enter")
        await operator.type("test run")
        await operator.press("enter", "enter", "enter")
        await operator.sees("Job 2  test run")
        document, params, options = control.submits[0]
        assert document == DocumentText(name="nightly.yaml", text="name: nightly\n")
        assert params == {"date": "2026-01-31", "limit": 7, "mode": "full", "dry": True}
        assert (options.name, options.cwd) == ("test run", str(folder))


async def test_a_field_says_at_once_what_is_wrong_with_it_and_nothing_is_submitted(folder: Path) -> None:
    control = clerk(*PARAMS)
    async with console(control) as operator:
        await open_form(operator)
        await operator.press("enter", "ctrl+u")
        await operator.type("many")
        await operator.sees("! write a whole number of at most 64 bits")
        await operator.press("ctrl+u")
        await operator.type("501")
        await operator.sees("! must be at most 500")
        for _ in range(6):
            await operator.press("tab")
        await operator.press("enter")
        await operator.sees("2 fields to fix", "! required: a text")
        assert control.submits == []
        await operator.type("x")
        await operator.misses("! required")


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(folder: Path) -> None:
    control = clerk()
    control.lost = 1
    async with console(control) as operator:
        await open_form(operator)
        await submit(operator)
        await operator.sees("the engine went before it answered (try again)")
        await operator.press("enter")
        await operator.sees("Job 2  nightly.yaml")
        keys = [options.client_key for _, _, options in control.submits]
        assert keys[0] == keys[1]
        assert len(control.job_rows) == 1


async def test_two_forms_are_two_jobs(folder: Path) -> None:
    control = clerk()
    async with console(control) as operator:
        for number in (2, 3):
            await open_form(operator)
            await submit(operator)
            await operator.sees(f"Job {number}  nightly.yaml")
            await operator.press("escape")
        assert len({options.client_key for _, _, options in control.submits}) == 2


async def test_other_values_after_a_lost_answer_are_another_job_only_when_asked_for_again(
    folder: Path,
) -> None:
    control = clerk()
    control.refusal = Conflict("client_key.conflict", "the key stands for another input")
    async with console(control) as operator:
        await open_form(operator)
        await submit(operator)
        await operator.sees("a job was submitted from this form before, with other values")
        await operator.press("enter")
        await operator.sees("Job 2")
        first, second = (options.client_key for _, _, options in control.submits)
        assert first != second


async def test_the_faults_of_a_document_are_listed_with_their_places(folder: Path) -> None:
    control = clerk()
    faults = [Fault(code="document.key", message=f"fault {n}", line=n, column=3) for n in range(1, 101)]
    control.described["nightly.yaml"] = InvalidDocument("nightly.yaml", faults)
    async with console(control) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        await operator.type("nightly")
        await operator.press("enter")
        await operator.sees(
            "nightly.yaml: 100 faults; nothing was submitted", "1:3      document.key           fault 1"
        )
        await operator.press("G")
        await operator.sees("100:3")
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, WorkflowPicker), "not back")


async def test_faults_found_at_submit_are_listed_too(folder: Path) -> None:
    control = clerk()
    control.refusal = InvalidDocument(
        "nightly.yaml", [Fault(code="document.key", message="late one", line=4)]
    )
    async with console(control) as operator:
        await open_form(operator)
        await submit(operator)
        await operator.sees("4:1", "late one")
        assert isinstance(operator.app.screen, FaultsDialog)
        await operator.press("escape")
        assert isinstance(operator.app.screen, NewJobDialog)


async def test_typing_narrows_folders_open_and_backspace_goes_up(folder: Path) -> None:
    async with console(clerk()) as operator:
        await operator.press("o")
        screen = await operator.sees("nightly.yaml", "weekly.json", "below/", "../")
        assert "notes.txt" not in screen
        assert ".hidden" not in screen
        await operator.type(".hid")
        await operator.sees(".hidden.yaml")
        await operator.press("escape")
        await operator.type("bel")
        await operator.misses("nightly.yaml")
        await operator.press("enter")
        await operator.sees("deep.yml", f"{folder}/below")
        await operator.press("backspace")
        await operator.sees("nightly.yaml")
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, DeskScreen), "not left")


async def test_a_path_is_followed_while_it_is_typed_or_pasted(folder: Path) -> None:
    async with console(clerk()) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        await operator.type("below/de")
        await operator.sees("deep.yml", f"{folder}/below")
        await operator.press("ctrl+u")
        await operator.type("../wee")
        await operator.sees("weekly.json")
        await operator.misses("deep.yml", "nightly.yaml", "..")
        await operator.press("ctrl+u")
        await operator.type(f"{folder}/below/deep.yml")
        await operator.sees("deep.yml", f"{folder}/below")
        await operator.misses("weekly.json")
        await operator.press("ctrl+u", *"/")
        await operator.sees("pick a workflow in / ")


async def test_a_folder_that_cannot_be_read_is_told_and_the_list_stays(folder: Path) -> None:
    async with console(clerk()) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        await operator.type("/no/such/folder/")
        await operator.sees("cannot read /no/such/folder: No such file or directory", "nightly.yaml")


async def test_a_workflow_of_a_recent_job_is_run_again_with_its_values(folder: Path) -> None:
    control = clerk(*PARAMS, name="old one")
    control.add_job("old one", definition_hash="h1", params={"date": "2025-12-31", "limit": 9})
    control.add_job("old one", definition_hash="h1", params={"date": "2026-01-01", "limit": 8, "tags": []})
    control.add_job("inbox like")
    async with console(control) as operator:
        await operator.press("o")
        screen = await operator.sees("old one", "run again (job 3)")
        assert "job 2" not in screen.split("WORKFLOW")[1]
        await operator.type("old")
        await operator.press("enter")
        await operator.sees("2026-01-01", "[ Submit ]")
        await submit(operator)
        await operator.sees("Job 5  old one")
        document, params, options = control.submits[0]
        assert document == {"name": "old one"}
        assert params == {"date": "2026-01-01", "limit": 8, "tags": []}
        assert options.cwd is None


async def test_a_registered_workflow_is_submitted_as_its_text_with_its_parameters_and_the_folder_of_its_file(
    folder: Path,
) -> None:
    control = clerk(*PARAMS, name="reports")
    control.registered = {"reports": "name: reports\n", "films": "name: films\n"}
    async with console(control) as operator:
        await operator.press("o")
        screen = await operator.sees("reports", "registered", "nightly.yaml")
        assert screen.index("films") < screen.index("reports") < screen.index("nightly.yaml")
        await operator.type("rep")
        await operator.press("enter")
        await operator.sees("date", "limit", "[ Submit ]")
        await operator.type("2026-01-31")
        await submit(operator)
        await operator.until(lambda: control.submits, "nothing is submitted")
        document, params, options = control.submits[0]
        assert document == DocumentText(name="reports", text="name: reports\n")
        assert (params, options.cwd) == ({"date": "2026-01-31"}, "/srv/flows")


async def test_more_registered_workflows_than_are_offered_are_told_of_and_found_by_a_part_of_their_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.dialogs.workflow_picker._REGISTERED", 2)
    control = clerk(name="zoo")
    control.registered = {name: f"name: {name}\n" for name in ("alpha", "beta", "gamma", "zoo")}
    async with console(control) as operator:
        await operator.press("o")
        await operator.sees("alpha", "beta", "of registered ones the first 2: type a part of the name")
        await operator.misses("gamma", "zoo")
        await operator.type("ZO")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        await operator.press("escape")
        await operator.misses("of registered ones")
        await operator.press("escape")
        await operator.sees("alpha", "beta", "of registered ones")


class Slow(Clerk):
    """A control that lists registered workflows late."""

    def __init__(self) -> None:
        super().__init__()
        self.may_list = asyncio.Event()

    async def answer_workflows(self, r: ListWorkflows) -> tuple[RegisteredView, ...]:
        await self.may_list.wait()
        return await super().answer_workflows(r)


async def test_registered_workflows_that_come_late_leave_the_cursor_on_its_row(folder: Path) -> None:
    control = Slow()
    control.registered = {"night": "name: night\n"}
    async with console(control) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        await operator.type("night")
        await operator.misses("weekly.json")
        picker = operator.app.screen
        assert isinstance(picker, WorkflowPicker)
        control.may_list.set()
        await operator.until(lambda: picker._table.count == 2, "it did not come")
        assert [offer.name for offer in picker._table.rows.values()] == ["night", "nightly.yaml"]
        assert picker._table.selected is not None
        assert picker._table.selected.name == "nightly.yaml"


async def test_with_an_engine_elsewhere_the_folders_of_this_machine_are_not_offered(folder: Path) -> None:
    control = clerk()
    async with console(control) as operator:
        operator.app.desk.host = "user@box"
        await open_form(operator)
        await submit(operator)
        await operator.sees("Job 2")
        document, _, options = control.submits[0]
        assert isinstance(document, DocumentText)
        assert options.cwd is None


async def test_without_an_engine_the_picker_says_so_and_stays(folder: Path) -> None:
    control = clerk()
    control.engine = None
    async with console(control) as operator:
        await operator.press("o", "enter")
        await operator.sees("no engine is running (start one with 'taskdeck serve')")
        assert isinstance(operator.app.screen, WorkflowPicker)


async def test_hostile_files_and_parameters_are_shown_as_glyphs(folder: Path) -> None:
    name = HOSTILE.replace("\0", "")
    (folder / f"{name}.yaml").write_text("name: x\n")
    hostile = ParamView(
        name="p", type="string", required=False, default=HOSTILE, description=HOSTILE, choices=(HOSTILE, "b")
    )
    typed = ParamView(name="q", type="string", required=False, default=HOSTILE)
    control = clerk(hostile, typed, name=f"{name}.yaml")
    view = WorkflowView(name=HOSTILE, stages=1, tasks=1, params=(hostile, typed), warnings=(HOSTILE,))
    control.described[f"{VISIBLE.removesuffix('␀')}.yaml"] = view
    async with console(control, size=(160, 50)) as operator:
        await operator.press("o")
        await operator.sees("␛[31m")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.type("red")
        await operator.press("enter")
        await operator.sees("[ Submit ]", VISIBLE, "as JSON", "\\u001b[31m")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await submit(operator)
        await operator.sees("Job 2")
        assert control.submits[0][1] == {}


@pytest.mark.parametrize("size", [(60, 15), (20, 5)])
async def test_picker_and_form_are_drawn_at_every_size(folder: Path, size) -> None:
    async with console(clerk(*PARAMS)) as operator:
        await operator.resize(*size)
        await operator.press("o")
        await operator.until(lambda: isinstance(operator.app.screen, WorkflowPicker), "no picker")
        assert len(strips_of(operator.app.screen)) == size[1]
        await operator.type("nightly")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        assert len(strips_of(operator.app.screen)) == size[1]
        for _ in range(8):
            await operator.press("down")
            assert len(strips_of(operator.app.screen)) == size[1]
        assert shown(operator.app)


@pytest.mark.parametrize(
    ("param", "text", "value"),
    [
        (ParamView(name="p", type="string", required=True), " a b ", " a b "),
        (ParamView(name="p", type="string", required=False, default="x"), "", ""),
        (ParamView(name="p", type="integer", required=True), " -12 ", -12),
        (ParamView(name="p", type="number", required=True), "1e3", 1000.0),
        (ParamView(name="p", type="number", required=True, min=0.5), "1", 1),
        (ParamView(name="p", type="boolean", required=True), "true", True),
        (ParamView(name="p", type="array", required=True, max=2), "[1, null]", [1, None]),
        (ParamView(name="p", type="object", required=True), '{"a": {}}', {"a": {}}),
        (ParamView(name="p", type="integer", required=True, choices=(1, 2)), "2", 2),
        (ParamView(name="p", type="string", required=True, default="a\nb"), '"c\\nd"', "c\nd"),
    ],
)
def test_a_text_is_read_as_the_type_asks(param, text, value) -> None:
    assert read_value(param, text) == value
    assert type(read_value(param, text)) is type(value)


@pytest.mark.parametrize(
    ("param", "text", "sentence"),
    [
        (ParamView(name="p", type="string", required=True), "", "required: a text"),
        (ParamView(name="p", type="string", required=True, min=3), "ab", "must have at least 3 characters"),
        (ParamView(name="p", type="string", required=True, max=1), "ab", "must have at most 1 characters"),
        (
            ParamView(name="p", type="integer", required=True),
            "1.5",
            "write a whole number of at most 64 bits",
        ),
        (
            ParamView(name="p", type="integer", required=True),
            "9" * 20,
            "write a whole number of at most 64 bits",
        ),
        (ParamView(name="p", type="integer", required=False, default=1), "", "write a whole number"),
        (ParamView(name="p", type="integer", required=True, min=1), "0", "must be at least 1"),
        (ParamView(name="p", type="number", required=True, max=2.5), "2.6", "must be at most 2.5"),
        (ParamView(name="p", type="number", required=True), "NaN", "write a number"),
        (ParamView(name="p", type="number", required=True), "1e999", "write a number that is not so large"),
        (ParamView(name="p", type="number", required=True), "true", "write a number"),
        (ParamView(name="p", type="array", required=True), "[1", "write a JSON list, like [1, 2] (Expecting"),
        (ParamView(name="p", type="array", required=True), "{}", "write a JSON list"),
        (ParamView(name="p", type="object", required=True), "[" * 100_000, "write a JSON object"),
        (ParamView(name="p", type="integer", required=True, choices=(1, 2)), "3", "choose one of 1, 2"),
        (ParamView(name="p", type="string", required=True, choices=("a",)), "b", 'choose one of "a"'),
    ],
)
def test_a_text_that_does_not_fit_gets_a_clear_sentence(param, text, sentence) -> None:
    with pytest.raises(Invalid) as caught:
        read_value(param, text)
    assert caught.value.message.startswith(sentence)


def test_what_stays_at_its_default_is_left_to_the_document() -> None:
    texts = {field_of(param).name: field_of(param).text for param in PARAMS}
    filled = read_values(PARAMS, texts)
    assert filled.values == {}
    assert filled.faults == {"date": "required: a text"}


def test_the_values_of_an_earlier_job_stand_in_the_form_and_come_back_as_they_were() -> None:
    given = {"date": HOSTILE, "tags": [HOSTILE, "ü"], "gone": 1}
    params = prefilled(PARAMS, given)
    texts = {field_of(param).name: field_of(param).text for param in params}
    assert all(text.isprintable() for text in texts.values())
    assert json.loads(texts["tags"]) == [HOSTILE, "ü"]
    assert {**given, **read_values(params, texts).values} == given


def test_a_choice_without_a_default_has_to_be_made() -> None:
    param = ParamView(name="mode", type="string", required=True, choices=("a", "b"))
    assert field_of(param).options == ("", "a", "b")
    assert read_values([param], {"mode": ""}).faults == {"mode": "required: a text"}


def test_of_each_workflow_only_the_newest_job_is_offered_and_loose_tasks_never() -> None:
    control = FakeControl()
    for index in range(12):
        control.add_job("a", definition_hash=f"h{index % 8}")
    control.add_job("loose")
    jobs = sorted(control.job_rows.values(), key=lambda job: -job.id)
    assert [offer.job.id for offer in recent(jobs) if offer.job] == [13, 12, 11, 10, 9]


def test_a_file_is_called_by_its_name_and_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    with pytest.raises(NotFound):
        read_document(path)
    path.write_bytes(b"\xef\xbb\xbfname: a\n")
    assert read_document(path) == DocumentText(name="flow.yaml", text="name: a\n")


@pytest.mark.parametrize(
    "text",
    ["include: b.yaml\nname: a\n", '{"name": "a", "include": ["b.yaml"]}', "{name: a, include: [b.yaml]}\n"],
)
def test_a_document_is_read_with_the_files_that_it_includes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    (tmp_path / "b.yaml").write_text("env: {STAGE: shared}\n")
    document = read_document(path)
    assert document.name == "flow.yaml"
    assert load(document.text).value == {"name": "a", "env": {"STAGE": "shared"}}
    texts = {WORK: str(path), FOLLOWS: AS_NOW, NAME: "a"}
    for host in ("", "box"):
        work = work_of(texts, Work(), {}, place=Place(folder=tmp_path, host=host))
        assert (work.text, work.path) == (document.text, None)
    followed = work_of({**texts, FOLLOWS: EACH_FIRE}, Work(), {}, place=Place(folder=tmp_path))
    assert (followed.path, followed.text) == (str(path), None)


async def test_a_picked_document_is_sent_with_what_it_includes_or_its_faults_name_the_file(
    folder: Path,
) -> None:
    (folder / "shared.yaml").write_text("tasks:\n- key: [\n")
    (folder / "nightly.yaml").write_text("{name: nightly, include: [shared.yaml]}\n")
    control = clerk()
    async with console(control) as operator:
        operator.app.desk.host = "user@box"
        await operator.press("o")
        await operator.sees("nightly.yaml")
        await operator.type("nightly")
        await operator.press("enter")
        await operator.sees(f"{folder}/shared.yaml:3 document.syntax")
        await operator.press("escape")
        (folder / "shared.yaml").write_text("env: {STAGE: shared}\n")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        await submit(operator)
        await operator.sees("Job 2")
        document, _, _ = control.submits[0]
        assert isinstance(document, DocumentText)
        assert load(document.text).value == {"name": "nightly", "env": {"STAGE": "shared"}}


def test_a_fault_of_an_included_file_is_shown_with_its_place_as_far_as_it_is_known() -> None:
    fault = Fault(code="document.key", message="odd", file="common.yaml")
    assert fault_lines(fault)[0].split() == ["common.yaml", "document.key", "odd"]
    assert fault_lines(replace(fault, line=3))[0].split()[0] == "common.yaml:3"


def test_a_large_folder_is_cut_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "0.yaml").touch()
    for index in range(1, ENTRIES + 1):
        os.link(tmp_path / "0.yaml", f"{tmp_path}/{index}.yaml")
    found = read_folder(tmp_path)
    assert found.cut
    assert sum(offer.kind is Kind.FILE for offer in found.offers) == ENTRIES


def test_a_folder_that_is_gone_is_taken_for_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert working_folder() == Path.home()


def test_folders_come_before_files_and_case_does_not_matter_for_what_is_typed(tmp_path: Path) -> None:
    (tmp_path / "a.YAML").touch()
    (tmp_path / "z").mkdir()
    offers = read_folder(tmp_path).offers
    assert [offer.name for offer in offers] == ["../", "z/", "a.YAML"]
    assert [offer.name for offer in narrowed(offers, "A.y")] == ["a.YAML"]


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (40, 12)])
@pytest.mark.parametrize("key", ["tab", "up"])
async def test_the_way_to_submit_is_seen_as_soon_as_the_cursor_is_there(folder: Path, size, key) -> None:
    many = [ParamView(name=f"p{number}", type="string", required=False, default="x") for number in range(12)]
    first = ParamView(name="who", type="string", required=True)
    async with console(clerk(first, *many), size=size) as operator:
        await open_form(operator)
        assert isinstance(operator.app.screen.focused, SafeInput)
        for _ in range(len(many) + 3):
            await operator.press(key)
            if isinstance(operator.app.screen.focused, Submit):
                break
        await operator.sees("[ Submit ]")


async def test_enter_too_often_from_the_picker_submits_nothing_and_the_first_line_has_the_cursor(
    folder: Path,
) -> None:
    control = clerk(*PARAMS)
    async with console(control) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        for key in (*"nightly", "enter", "enter", "7"):
            operator.app.post_message(Key(key, key if len(key) == 1 else None))
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        await operator.sees("date  (string, required)", "name of the job  (optional)")
        # The first Enter opened the form, the second went from the first line to the next.
        await operator.until(lambda: operator.app.screen._form.texts["limit"] == "1007", "it went elsewhere")
        assert operator.app.screen._form.texts["date"] == ""
        assert control.submits == []


async def test_what_is_typed_behind_an_enter_that_waits_for_a_folder_is_for_the_form(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Event()

    def read_late(path: Path) -> Folder:
        gate.wait(DEADLINE)
        return read_folder(path)

    monkeypatch.setattr("console.dialogs.workflow_picker.read_folder", read_late)
    async with console(clerk(*PARAMS, name="sample")) as operator:
        for key in ("o", "enter", *"2026"):
            operator.app.post_message(Key(key, key if len(key) == 1 else None))
        await operator.until(lambda: getattr(operator.app.screen, "_enter_pressed", False), "no Enter")
        await operator.press()
        gate.set()
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        await operator.until(lambda: operator.app.screen._form.texts["date"] == "2026", "it went elsewhere")


async def test_what_is_typed_in_one_piece_behind_the_picker_lands_in_the_lines_of_the_form(
    folder: Path,
) -> None:
    control = clerk(*PARAMS)
    async with console(control) as operator:
        for key in ("o", *"below/../nightly", "enter", *"2026", "enter", "ctrl+u", *"42", "enter", "enter"):
            operator.app.post_message(Key(key, key if len(key) == 1 else None))
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")
        texts = operator.app.screen._form
        await operator.until(lambda: texts.texts["limit"] == "42", f"not there: {texts.texts}")
        assert texts.texts["date"] == "2026"


async def test_a_form_without_parameters_is_not_submitted_by_three_enters(folder: Path) -> None:
    control = clerk()
    async with console(control) as operator:
        await open_form(operator)
        await operator.press("enter", "enter")
        assert isinstance(operator.app.screen.focused, Submit)
        assert control.submits == []


@pytest.mark.parametrize("tasks", [500, 501])
async def test_a_form_says_what_its_job_would_take_unless_it_is_large(folder: Path, tasks: int) -> None:
    control = clerk(*PARAMS[1:2])
    control.described["nightly.yaml"] = replace(control.described["nightly.yaml"], tasks=tasks)
    cost = UnitCost(unit="usd", amount=Span(low=50_000, high=90_000))
    control.prediction = PredictionView(
        name="nightly",
        at=0,
        tasks=1,
        queued=0,
        running=0,
        slots=2,
        engine="serving",
        starts=Span(low=0, high=0),
        ends=Span(low=90_000, high=120_000),
        costs=(cost,),
    )
    async with console(control) as operator:
        await open_form(operator)
        if tasks == 500:
            await operator.sees("takes 1m30s to 2m; 0.05 to 0.09 usd")
        else:
            await operator.sees("501 tasks")
            assert not control.reads["predict"]


async def test_enter_does_not_wait_for_a_folder_whose_reading_was_given_up_before_it_began(
    folder: Path,
) -> None:
    async with console(clerk(*PARAMS, name="sample")) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")
        picker = operator.app.screen
        # Text that is typed or pasted at once asks for one folder after another.
        picker._go(folder)
        picker._go(folder)
        await operator.press(*"nightly", "enter")
        await operator.until(lambda: isinstance(operator.app.screen, NewJobDialog), "no form")


async def test_what_a_folder_could_not_be_read_for_is_said_and_enter_waits_no_longer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(clerk(*PARAMS, name="sample")) as operator:
        await operator.press("o")
        await operator.sees("nightly.yaml")

        entered = Event()

        def fail(path: Path) -> Folder:
            assert entered.wait(DEADLINE)
            raise RuntimeError("the disk is odd")

        monkeypatch.setattr("console.dialogs.workflow_picker.read_folder", fail)
        picker = operator.app.screen
        picker._go(folder)
        await operator.press("enter")
        assert picker.is_settling
        entered.set()
        await operator.sees("RuntimeError: the disk is odd")
        assert not picker.is_settling
