"""The form of a work item, with what is asked.

Opened by the people screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from console.background import sentence_of, start
from console.newjob.params import FormField, field_of, prefilled, read_values
from console.widgets.form import Form, Submit
from console.widgets.line import Line
from core.model.commands.work_items import ItemChanged
from core.model.errors import TaskdeckError
from core.model.patterns.work_items import TEXT_MAX, ItemDetails
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject

# With a space: no field can have this name.
_COMMENT = " comment"
_TEXT_LINES = 6
Approve: TypeAlias = Callable[[JsonObject, str], Awaitable[ItemChanged]]
"""Approve with values and a remark; raise `TaskdeckError`."""


class ItemDialog(ModalScreen[ItemChanged | None]):
    """Takes the values and approves; returns what became of the item, None = nothing was sent."""

    DEFAULT_CSS = "ItemDialog { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False)]

    def __init__(self, details: ItemDetails, approve: Approve) -> None:
        super().__init__()
        self._item = details.item
        # What the first of a quorum approved stands in the form of the others.
        self._fields = prefilled(details.form, details.item.values or {})
        self._approve = approve
        self._is_sending = False
        self._form = Form([*map(field_of, self._fields), _comment_field()], submit=SafeText("[ Approve ]"))
        self._message = Line(classes="trouble")

    def compose(self) -> ComposeResult:
        """Stack the question, its text, the form, a message and hints."""
        yield Line(Content(safe_line(f" Work item {self._item.id}: {self._item.title}")))
        for line in self._item.text.splitlines()[:_TEXT_LINES]:
            yield Line(Content(safe_line(f" {line}")))
        yield self._form
        yield self._message
        hint = " Enter Tab ↓ next line  Shift+Tab ↑ line before, from the first: Approve  Esc back"
        yield Line(Content(SafeText(hint)), classes="hints")

    def on_mount(self) -> None:
        """Begin at the first field, never at the end: an Enter too many must not approve unseen."""
        self._form.go_to(next(iter(self._form.texts)))

    def on_form_changed(self) -> None:
        """Show what is wrong; what is still missing only when it is sent."""
        texts = self._form.texts
        self._form.show({name: fault for name, fault in self._faults().items() if texts[name]})

    def on_submit_pressed(self, event: Submit.Pressed) -> None:
        """Approve unless a field is wrong, once at a time."""
        event.stop()
        faults = self._faults()
        self._form.show(faults)
        if faults:
            self._form.go_to(next(name for name in self._form.texts if name in faults))
            self._say("fields to fix")
        elif not self._is_sending:
            self._is_sending = True
            self._say("approving ...")
            start(self, self._send, group="submit")

    def action_back(self) -> None:
        """Close the form, unless it is being sent."""
        if not self._is_sending:
            self.dismiss(None)

    async def _send(self) -> None:
        texts = self._form.texts
        try:
            changed = await self._approve(read_values(self._fields, texts).values, texts[_COMMENT].strip())
        except TaskdeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self._say(f"{sentence_of(error)}{hint}")
        else:
            self.dismiss(changed)
        finally:
            self._is_sending = False

    def _faults(self) -> Mapping[str, SafeText]:
        texts = self._form.texts
        faults = dict(read_values(self._fields, texts).faults)
        if len(texts[_COMMENT]) > TEXT_MAX:
            faults[_COMMENT] = SafeText(f"a remark has at most {TEXT_MAX:,} characters")
        return faults

    def _say(self, words: str) -> None:
        self._message.write(Content(safe_line(f" {words}")))


def _comment_field() -> FormField:
    note = SafeText("others will read it in the history")
    return FormField(name=_COMMENT, label=SafeText("remark  (optional)"), note=note)
