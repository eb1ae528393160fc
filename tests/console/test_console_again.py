"""Tests of submitting an earlier job again with other parameters."""

from __future__ import annotations

import pytest

from console.dialogs.new_job import FaultsDialog, NewJobDialog
from console.newjob.resubmit import job_of, source_of, why_not_resubmit
from core.control.api import SubmitOptions
from core.model.commands.work import Submitted
from core.model.errors import Conflict, Fault, InvalidDocument
from core.model.patterns.workflow_views import ParamView, WorkflowView
from tests.console.support_console import HOSTILE, Operator, console
from tests.console.support_fake_control import FakeControl

PARAMS = (
    ParamView(name="date", type="string", required=True),
    ParamView(name="limit", type="integer", required=False, default=100, min=1, max=500),
)


class Clerk(FakeControl):
    """A control that keeps whole submits."""

    def __init__(self) -> None:
        super().__init__()
        self.submits: list[tuple[object, dict, SubmitOptions]] = []

    async def answer_definition(self, request):
        return {"name": "nightly"} if self.job_rows[request.job_id].definition_hash else {}

    async def answer_submit(self, request) -> Submitted:
        self.submits.append((request.document.document, dict(request.params), request.options))
        return await super().answer_submit(request)


def clerk() -> Clerk:
    """Return a control with a job of a workflow, and one of none."""
    control = Clerk()
    control.described["nightly"] = WorkflowView(name="nightly", stages=1, tasks=1, params=PARAMS)
    job = control.add_job("mine", definition_hash="h1", params={"date": "2026-01-01", "limit": 7})
    control.add_task(job, "score", status="failed")
    control.folders[job] = "/data"
    control.add_job("bare")
    return control


async def mend_limit(operator: Operator) -> None:
    """See the form as it was filled in, write another limit, and hand it in."""
    await operator.sees("New job: nightly", "as job 2", "2026-01-01", "/data", "mine", "[ Submit ]")
    assert isinstance(operator.app.screen, NewJobDialog)
    # From the first line on to the limit.
    await operator.press("tab", "ctrl+u")
    await operator.type("9")
    await operator.press("enter", "enter", "enter", "enter")
    await operator.sees("Job 4  mine")


@pytest.mark.parametrize(
    "way",
    [("2", "j"), ("2", "j", "enter"), ("2", "j", "enter", "v"), ("3",), ("3", "enter"), ("4",)],
    ids=["jobs", "job", "graph", "tasks", "task", "retries"],
)
async def test_a_job_is_submitted_anew_with_some_values_changed(way: tuple[str, ...]) -> None:
    control = clerk()
    async with console(control) as operator:
        for key in way:
            await operator.press(key)
            await operator.quiet()
        await operator.press("R")
        await mend_limit(operator)
        document, params, options = control.submits[0]
        assert document == {"name": "nightly"}
        assert params == {"date": "2026-01-01", "limit": 9}
        assert (options.name, options.cwd) == ("mine", "/data")
        assert control.job_rows[2].status == "running"


async def test_leaving_the_form_submits_nothing() -> None:
    control = clerk()
    async with console(control) as operator:
        await operator.press("j", "R")
        await operator.sees("[ Submit ]")
        await operator.press("escape")
        await operator.sees(" Jobs", "bare")
        assert control.submits == []


async def test_a_job_without_a_workflow_and_loose_tasks_are_refused_in_words() -> None:
    control = clerk()
    control.job_rows[1] = control.job_rows[3]
    control.add_task(1, "loose")
    control.add_task(3, "of bare")
    async with console(control) as operator:
        await operator.sees("bare")
        await operator.press("g", "R")
        await operator.hears("job 3 was not submitted from a workflow")
        await operator.press("3", "R")
        await operator.quiet()
        # A row of a task does not tell: the job does.
        await operator.hears("job 3 was not submitted from a workflow")
        await operator.press("j", "R")
        await operator.hears("loose tasks belong to no workflow")
    assert control.submits == []


async def test_marks_and_a_lost_engine_grey_the_key() -> None:
    control = clerk()
    async with console(control) as operator:
        await operator.press("j", "space", "g", "R")
        await operator.hears("a form is for one job")
        await operator.press("U")
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE")
        await operator.press("R")
        await operator.hears("no engine is running")


async def test_a_workflow_that_can_run_no_more_tells_its_faults() -> None:
    control = clerk()
    fault = Fault(code="document.key", message="no such connector")
    control.described["nightly"] = InvalidDocument("nightly", [fault, fault])
    async with console(control) as operator:
        await operator.press("j", "R")
        await operator.sees("job 2: 2 faults; nothing was submitted", "no such connector")
        assert isinstance(operator.app.screen, FaultsDialog)


async def test_an_empty_list_has_no_job_to_submit_again() -> None:
    async with console(FakeControl()) as operator:
        await operator.press("R")
        await operator.hears("no job here")


async def test_a_name_that_cannot_be_typed_is_left_out() -> None:
    control = clerk()
    control.set_job(2, name=HOSTILE)
    async with console(control) as operator:
        await operator.press("j", "R")
        await operator.sees("[ Submit ]")
        await operator.press("shift+tab", "enter")
        await operator.until(lambda: control.submits, "nothing was submitted")
        assert control.submits[0][2].name is None


async def test_a_name_that_is_the_workflows_is_not_repeated() -> None:
    control = clerk()
    control.set_job(2, name="nightly")
    control.folders.clear()
    source = await source_of(control, control.job_view(2))
    assert (source.job_name, source.folder) == ("", "")
    with pytest.raises(Conflict, match="not submitted from a workflow"):
        await source_of(control, control.job_view(3))


def test_what_is_no_job_has_none() -> None:
    assert job_of(None) is None
    assert why_not_resubmit("queue") == "no job here"
