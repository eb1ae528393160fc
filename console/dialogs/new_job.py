"""The form of a new job, and the faults of its workflow.

Opened by the workflow picker and by `console.shell.new_jobs`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from console.background import sentence_of, start
from console.newjob.documents import Source
from console.newjob.params import FormField, field_of, prefilled, read_values
from console.verbs.apply import ACTOR
from console.widgets.form import Form, Submit
from console.widgets.line import Line
from console.widgets.text_view import TextView
from core.control.api import ControlAPI
from core.model.commands.work import SubmitOptions
from core.model.errors import Conflict, Fault, InvalidDocument, TaskdeckError
from core.model.patterns.workflow_views import WorkflowView
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject
from core.render.prediction_texts import prediction_line

# With a space: no parameter can have these names.
_NAME, _FOLDER = " name", " folder"
_TAKEN = "client_key.conflict"
_LONGEST_NAME = 200
PREDICTED_MAX = 500
"""Tasks of a workflow up to which a prediction is cheap enough to be made as one types."""


async def without_question(_verb: str, _words: str) -> bool:
    """Confirm at once: the form was read and sent."""
    return True


class _Asked(NamedTuple):
    """The values of parameters and the options that a form holds."""

    values: JsonObject
    options: SubmitOptions


class NewJobDialog(ModalScreen[int | None]):
    """Takes the values and submits; returns the id of the job, None = none was submitted."""

    DEFAULT_CSS = "NewJobDialog { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False)]

    def __init__(
        self,
        control: ControlAPI,
        source: Source,
        workflow: WorkflowView,
        *,
        confirm: Callable[[str, str], Awaitable[bool]] = without_question,
    ) -> None:
        super().__init__()
        self._confirm = confirm
        self._control = control
        self._source = source
        self._workflow = workflow
        self._params = prefilled(workflow.params, source.params)
        # One key for the form: submitting again after a lost answer makes no second job.
        self._key = uuid.uuid4().hex
        self._sending = False
        self._tried = False
        own = [_name_field(workflow, source), _folder_field(source)]
        self._form = Form([*map(field_of, self._params), *own], submit=SafeText("[ Submit ]"))
        self._message = Line(classes="trouble")
        self._predicted = Line()
        self._predicted.display = False

    def compose(self) -> ComposeResult:
        """Stack head, warnings, form, prediction, message and hints."""
        workflow = self._workflow
        counts = f"{_count(workflow.stages, 'stage')}, {_count(workflow.tasks, 'task')}"
        yield Line(Content(safe_line(f" New job: {workflow.name}  ({counts})  {self._source.name}")))
        for warning in workflow.warnings:
            yield Line(Content(safe_line(f" warning: {warning}")))
        yield self._form
        yield self._predicted
        yield self._message
        hint = " Enter Tab ↓ next line  Shift+Tab ↑ line before, from the first: Submit  Esc back"
        yield Line(Content(SafeText(hint)), classes="hints")

    def on_mount(self) -> None:
        """Begin at the first field, never at the end: an Enter too many must not submit a form unseen."""
        self._form.go_to(next(iter(self._form.texts)))
        self._ask_prediction()

    def on_form_changed(self) -> None:
        """Show at once what is wrong; what is still missing only after the first try."""
        faults = self._faults()
        if not self._tried:
            texts = self._form.texts
            faults = {name: words for name, words in faults.items() if texts[name]}
        self._form.show(faults)
        self._ask_prediction()

    def on_submit_pressed(self, event: Submit.Pressed) -> None:
        """Submit unless a field is wrong, once at a time."""
        event.stop()
        self._tried = True
        faults = self._faults()
        self._form.show(faults)
        if faults:
            self._form.go_to(next(name for name in self._form.texts if name in faults))
            self._say(f"{_count(len(faults), 'field')} to fix")
        elif not self._sending:
            self._sending = True
            self._say("submitting ...")
            start(self, self._send, group="submit")

    def action_back(self) -> None:
        """Close the form, unless it is being submitted."""
        if not self._sending:
            self.dismiss(None)

    def _ask_prediction(self) -> None:
        """Say below the form what the job would take; of a large one `run --dry-run` tells it."""
        if self._workflow.tasks <= PREDICTED_MAX and not self._faults():
            start(self, self._predict, group="predict", exclusive=True)

    async def _predict(self) -> None:
        values, options = self._asked()
        try:
            view = await self._control.predict(self._source.document, values, options=options)
        except TaskdeckError:
            # What is wrong is said when it is submitted.
            self._predicted.display = False
        else:
            self._predicted.write(Content(safe_line(f" {prediction_line(view)}")))
            self._predicted.display = True

    def _asked(self) -> _Asked:
        texts = self._form.texts
        values: JsonObject = {**self._source.params, **read_values(self._params, texts).values}
        options = SubmitOptions(
            actor=ACTOR,
            cwd=texts[_FOLDER].strip() or None,
            client_key=self._key,
            name=texts[_NAME].strip() or None,
        )
        return _Asked(values, options)

    async def _send(self) -> None:
        values, options = self._asked()
        try:
            if not await self._confirm("submit", f"job {options.name or self._workflow.name}"):
                self._say("not submitted")
                return
            submitted = await self._control.submit(self._source.document, values, options=options)
        except TaskdeckError as error:
            self._refused(error)
        else:
            self.dismiss(submitted.job_id)
        finally:
            self._sending = False

    def _refused(self, error: TaskdeckError) -> None:
        if isinstance(error, InvalidDocument):
            self.app.push_screen(FaultsDialog(self._source.name, error))
        if isinstance(error, Conflict) and error.code == _TAKEN:
            self._key = uuid.uuid4().hex
            self._say("a job was submitted from this form before, with other values; Enter submits another")
            return
        hint = f" ({error.hint})" if error.hint else ""
        self._say(f"{sentence_of(error)}{hint}")

    def _faults(self) -> dict[str, SafeText]:
        texts = self._form.texts
        faults = dict(read_values(self._params, texts).faults)
        if len(texts[_NAME].strip()) > _LONGEST_NAME:
            faults[_NAME] = SafeText(f"a name has at most {_LONGEST_NAME} characters")
        folder = texts[_FOLDER].strip()
        if folder and not folder.startswith("/"):
            faults[_FOLDER] = SafeText("write an absolute path, or nothing")
        return faults

    def _say(self, words: str) -> None:
        self._message.write(Content(safe_line(f" {words}")))


class FaultsDialog(ModalScreen[None]):
    """Lists the faults of a document with their places."""

    DEFAULT_CSS = "FaultsDialog { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace,q", "back", "back", show=False)]

    def __init__(self, name: SafeText, error: InvalidDocument) -> None:
        super().__init__()
        self._name = name
        self._faults = error.faults
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Stack head, list and hints."""
        head = safe_line(f" {self._name}: {_count(len(self._faults), 'fault')}; nothing was submitted")
        yield Line(Content(head), classes="trouble")
        yield self._view
        yield Line(Content(SafeText(" Esc back")), classes="hints")

    def on_mount(self) -> None:
        """Show the faults, once it is known how wide they may be."""
        lines = [line for fault in self._faults for line in fault_lines(fault)]
        self.call_after_refresh(self._view.put, lines)
        self._view.focus()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()


def fault_lines(fault: Fault) -> list[SafeText]:
    """Return a fault as lines: place, code and the first line of its message, then the others."""
    place = "" if fault.line is None else f"{fault.line}:{fault.column or 1}"
    if fault.file:
        place = f"{fault.file} " if fault.line is None else f"{fault.file}:{fault.line} "
    first, *more = fault.message.splitlines() or [""]
    where = f"  ({fault.path})" if fault.path else ""
    return [
        safe_line(f"{place:<9}{fault.code:<22} {first}{where}"),
        *(safe_line(f"{'':<32}{line}") for line in more),
    ]


def _name_field(workflow: WorkflowView, source: Source) -> FormField:
    note = safe_line(f"empty: {workflow.name}")
    return FormField(
        name=_NAME, label=SafeText("name of the job  (optional)"), note=note, text=_typeable(source.job_name)
    )


def _folder_field(source: Source) -> FormField:
    note = SafeText("where its tasks run, beside the engine; empty: the folder of the engine")
    return FormField(
        name=_FOLDER,
        label=SafeText("folder of its tasks  (optional)"),
        note=note,
        text=_typeable(source.folder),
    )


def _typeable(text: str) -> str:
    # A text that cannot be typed as it is would come back changed.
    return text if safe_line(text) == text else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
