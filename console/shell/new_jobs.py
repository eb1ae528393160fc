"""Submit a new job, from a picked workflow or an earlier job.

Owned by the app.
"""

from __future__ import annotations

from textual.app import App

from console.background import sentence_of
from console.desk import Desk
from console.dialogs.new_job import FaultsDialog, NewJobDialog
from console.dialogs.workflow_picker import WorkflowPicker
from console.newjob.documents import working_folder
from console.newjob.resubmit import source_of
from console.screens.base import Visit
from console.verbs.questions import Notices
from core.model.errors import InvalidDocument, TaskdeckError
from core.model.text import safe_line


class NewJobs:
    """Puts up the forms of new jobs, and shows each job that was submitted."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices

    def pick(self) -> None:
        self._app.push_screen(WorkflowPicker(self._desk, working_folder()), self._show)

    async def resubmit(self, job_id: int) -> None:
        """Fill in the form of a job again, with its parameters."""
        control = self._desk.control
        try:
            source = await source_of(control, await control.job(job_id))
            workflow = await control.describe(source.document)
        except InvalidDocument as error:
            self._app.push_screen(FaultsDialog(safe_line(f"job {job_id}"), error))
        except TaskdeckError as error:
            self._notices.warn(sentence_of(error))
        else:
            form = NewJobDialog(control, source, workflow, confirm=self._desk.operations.confirm_change)
            self._app.push_screen(form, self._show)

    def _show(self, job_id: int | None) -> None:
        if job_id is not None:
            # Later: the dialog that answers is still on the stack.
            self._app.post_message(Visit("job", job_id))
