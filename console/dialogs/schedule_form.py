"""The form that adds a schedule, or edits one.

Opened by the schedule keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from console.background import sentence_of, start
from console.dialogs.new_job import FaultsDialog
from console.newjob.schedule_fields import (
    NAME,
    WORK,
    ReadSchedule,
    ScheduleReader,
    field_of_fault,
    fields_of,
)
from console.newjob.schedule_work import Place, work_of
from console.verbs.apply import ACTOR
from console.widgets.form import Form, Submit
from console.widgets.line import Line
from console.widgets.styled_lines import Span, StyledLines
from core.control.api import ControlAPI
from core.model.commands.work import Operated
from core.model.errors import Invalid, InvalidDocument, NotFound, TaskdeckError
from core.model.present import present_ms
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.timing.schedules import Schedule, Timing, Work
from core.render.schedule_texts import FACT_LABEL, next_text
from core.render.wrapping import wrap

_PREVIEW = 2
"""Lines of the fires to come."""
_LABEL = f" {'next':<{FACT_LABEL}}"
_HINT = " Enter Tab ↓ next line  Shift+Tab ↑ line before, from the first: the last  ← → choose  Esc back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSchedule:
    """The schedule that was added or edited, and whether that changed anything."""

    name: str
    changed: bool


class ScheduleDialog(ModalScreen[SavedSchedule | None]):
    """Takes a schedule and saves it; None = nothing was saved. What was refused stays in the form."""

    DEFAULT_CSS = "ScheduleDialog { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False)]

    def __init__(
        self,
        control: ControlAPI,
        before: Schedule | None,
        *,
        zone: str,
        place: Place,
        confirm: Callable[[str, str], Awaitable[bool]],
    ) -> None:
        super().__init__()
        self._control = control
        self._before = before
        self._place = place
        self._confirm = confirm
        fields = fields_of(before, zone=zone)
        self._reader = ScheduleReader(before, fields, now=present_ms())
        self._initial = {one.name: one.text for one in fields}
        self._form = Form(fields, submit=SafeText("[ Add ]" if before is None else "[ Save ]"))
        self._next = StyledLines()
        self._told = ""
        """What is said of the fires to come, in one line."""
        self._message = Line(classes="trouble")
        self._asked: Timing | None = None
        """The rule whose fires are shown, or being worked out."""
        self._refused: dict[str, SafeText] = {}
        """What the engine says of fields, as long as the texts are those that it saw."""
        self._tried = self._sending = self._leaves = False

    def compose(self) -> ComposeResult:
        """Stack head, form, the fires to come, message and hints."""
        before = self._before
        head = "Add a schedule" if before is None else f"Edit schedule {before.name}"
        yield Line(Content(safe_line(f" {head}: its tasks get the environment of this console")))
        yield self._form
        yield self._next
        yield self._message
        yield Line(Content(SafeText(_HINT)), classes="hints")

    def on_mount(self) -> None:
        """Begin at the first field, and show when the schedule fires as it is."""
        self._next.styles.height = _PREVIEW
        self._form.go_to(next(iter(self._form.texts)))
        self._look(self._form.texts)

    def on_resize(self) -> None:
        """Wrap the fires to come for the new width."""
        self._write_next(self._told)

    def on_form_changed(self) -> None:
        """Show at once what is wrong and when it would fire; what is missing only after the first try."""
        self._refused, self._leaves = {}, False
        self._say("")
        self._look(self._form.texts)

    def on_submit_pressed(self, event: Submit.Pressed) -> None:
        """Save unless a field is wrong, once at a time."""
        event.stop()
        # What the engine refused is asked again: a file may be there by now.
        self._tried, self._refused = True, {}
        read = self._look(self._form.texts)
        if read.faults:
            self._go_to_fault(read.faults)
        elif not self._sending and read.timing is not None:
            self._sending = True
            self._say("saving ...")
            start(self, self._send, group="save")

    def action_back(self) -> None:
        """Close the form; what was typed is given up by a second Esc."""
        if self._sending:
            return
        if self._form.texts != self._initial and not self._leaves:
            self._leaves = True
            self._say("Esc again leaves without saving")
            return
        self.dismiss(None)

    def _look(self, texts: dict[str, str]) -> ReadSchedule:
        read = self._reader.read(texts)
        self._show(texts, read)
        if read.timing is None:
            self._asked = None
            self._write_next("")
        elif read.timing != self._asked:
            self._asked = read.timing
            start(self, self._preview, group="preview", exclusive=True)
        return read

    def _show(self, texts: dict[str, str], read: ReadSchedule) -> None:
        faults = {**read.faults, **self._refused}
        if not self._tried:
            faults = {name: words for name, words in faults.items() if texts.get(name)}
        self._form.show(faults)

    async def _preview(self) -> None:
        timing = self._asked
        if timing is None:
            return
        try:
            times = await self._control.schedules.fires_to_come(timing)
        except Invalid as error:
            self._refuse(error)
            self._write_next("")
        except TaskdeckError as error:
            self._write_next(f"not known: {sentence_of(error)}")
        else:
            self._write_next(next_text(times, timing.zone) or "no time of it is to come")

    def _write_next(self, told: str) -> None:
        self._told = told
        width = max(FACT_LABEL + 2, (self.size.width or 80) - FACT_LABEL - 2)
        lines = list(wrap(safe_line(told), width))[:_PREVIEW] if told else []
        shown = [f"{_LABEL if not at else ' ' * (FACT_LABEL + 1)}{line}" for at, line in enumerate(lines)]
        self._next.write([[Span(safe_line(line))] for line in shown])

    async def _send(self) -> None:
        try:
            done = await self._save()
        except Invalid as error:
            self._refuse(error)
            if isinstance(error, InvalidDocument):
                self.app.push_screen(FaultsDialog(safe_line(self._form.texts[WORK] or "workflow"), error))
        except TaskdeckError as error:
            self._refuse(error)
        else:
            if done is not None:
                self.dismiss(done)
        finally:
            self._sending = False

    async def _save(self) -> SavedSchedule | None:
        texts, before = self._form.texts, self._before
        read = self._reader.read(texts)
        assert read.timing is not None
        old = Work() if before is None else before.work
        work = await asyncio.to_thread(work_of, texts, old, read.params, place=self._place)
        name = texts[NAME].strip() if before is None else before.name
        schedule = Schedule(name=name, timing=read.timing, policy=read.policy, work=work)
        if before is not None and not await self._is_as_it_was(before):
            return None
        if not await self._confirm("add" if before is None else "edit", f"schedule {name}"):
            self._say("not saved")
            return None
        done = await self._put(schedule)
        return SavedSchedule(name=name, changed=bool(done.changed))

    async def _put(self, schedule: Schedule) -> Operated:
        if self._before is None:
            return await self._control.schedules.add(schedule, actor=ACTOR)
        return await self._control.schedules.edit(schedule, actor=ACTOR)

    async def _is_as_it_was(self, before: Schedule) -> bool:
        """Whether the schedule is still what the form was filled in with; else say so, once."""
        found = (await self._control.schedules.one(before.name)).rule
        if _bare(found) == _bare(before):
            return True
        self._before = found
        self._say("it was changed meanwhile by another: Enter again puts this in its place")
        return False

    def _refuse(self, error: TaskdeckError) -> None:
        """Write a refusal beside its field, or below the form."""
        name = field_of_fault(error)
        if isinstance(error, NotFound) and error.code == "schedule.unknown":
            self._say("it was removed meanwhile: Esc leaves, and `a` adds one")
        elif name in self._form.texts:
            self._refused = {**self._refused, name: sentence_of(error)}
            self._show(self._form.texts, self._reader.read(self._form.texts))
            if self._sending:
                self._go_to_fault(self._refused)
        else:
            hint = f" ({error.hint})" if error.hint else ""
            self._say(f"{sentence_of(error)}{hint}")

    def _go_to_fault(self, faults: Mapping[str, SafeText]) -> None:
        self._form.go_to(next(name for name in self._form.texts if name in faults))
        self._say(f"{len(faults)} field{'' if len(faults) == 1 else 's'} to fix")

    def _say(self, words: str) -> None:
        self._message.write(Content(safe_line(f" {words}" if words else "")))


def _bare(schedule: Schedule) -> Schedule:
    """Return a schedule without what tasks get of the environment: that is not shown here."""
    return replace(schedule, work=replace(schedule.work, surroundings={}))
