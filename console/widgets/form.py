"""A form: fields in a column, each with note or fault.

Used by the dialogs and the prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from console.newjob.params import FormField
from core.model.text import SafeText, safe_line


class SafeInput(Input):
    """A line to type into; control characters become visible, also in pasted text."""

    DEFAULT_CSS = """
    SafeInput, SafeInput:focus { height: 1; border: none; padding: 0; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "") -> None:
        super().__init__(safe_line(value), placeholder=placeholder, compact=True, select_on_focus=False)
        # The cursor of the terminal stands here, too.
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """Make control characters visible."""
        return safe_line(value)


class Picker(Static, can_focus=True):
    """One of several texts; left, right and Space go through them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,l", "pick(1)", "next choice", show=False),
        Binding("left,h", "pick(-1)", "choice before", show=False),
        Binding("enter", "done", "next line", show=False),
    ]
    DEFAULT_CSS = """
    Picker { height: 1; }
    Picker:focus { text-style: reverse; }
    """

    class Picked(Message):
        """Another text was picked."""

    class Done(Message):
        """Enter was pressed."""

    def __init__(self, options: Sequence[str], value: str) -> None:
        super().__init__(markup=False)
        self._options = tuple(options)
        self._at = self._options.index(value) if value in self._options else 0

    @property
    def value(self) -> str:
        """The text that is picked."""
        return self._options[self._at]

    def on_mount(self) -> None:
        """Write the choice."""
        self._write()

    def action_pick(self, step: int) -> None:
        """Go to another text."""
        self._at = (self._at + step) % len(self._options)
        self._write()
        self.post_message(self.Picked())

    def action_done(self) -> None:
        """Post that Enter was pressed."""
        self.post_message(self.Done())

    def _write(self) -> None:
        shown = safe_line(self.value) or "choose with left and right"
        self.update(Content(f"< {shown} >  {self._at + 1} of {len(self._options)}"))


class Submit(Static, can_focus=True):
    """The last line: Enter or Space submits the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", "submit", show=False)]
    DEFAULT_CSS = """
    Submit { height: 1; width: auto; margin-top: 1; }
    Submit:focus { text-style: reverse bold; }
    """

    class Pressed(Message):
        """The form is to be submitted."""

    def action_press(self) -> None:
        """Submit."""
        self.post_message(self.Pressed())


class _Entry(Vertical):
    """A label, an input, and a note; a fault takes the place of the note."""

    DEFAULT_CSS = """
    _Entry { height: auto; margin-bottom: 1; }
    _Entry Static { height: auto; }
    _Entry .note { color: $secondary; }
    _Entry .fault { color: $error; text-style: bold; }
    """

    def __init__(self, field: FormField) -> None:
        super().__init__()
        self._field = field
        self.control: SafeInput | Picker = (
            Picker(field.options, field.text) if field.options else SafeInput(field.text)
        )
        self._note = Static(markup=False)
        self._fault: str | None = None
        """What is shown instead of the note; None = nothing is shown yet."""

    def compose(self) -> ComposeResult:
        """Stack the three."""
        yield Static(Content.styled(self._field.label, "bold"), markup=False)
        yield self.control
        yield self._note

    def on_mount(self) -> None:
        """Write the note."""
        self.show("")

    def show(self, fault: str) -> None:
        """Show a fault, or the note when there is none."""
        # Each text that is written has the whole form laid out again.
        if fault == self._fault:
            return
        self._fault = fault
        self._note.set_class(bool(fault), "fault")
        self._note.set_class(not fault, "note")
        text = SafeText(f"! {fault}") if fault else self._field.note
        self._note.update(Content(text))
        self._note.display = bool(text)


class Form(VerticalScroll, can_focus=False):
    """The fields; posts `Changed` after each change, `Submit.Pressed` from the last line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "next line", show=False),
        Binding("up", "app.focus_previous", "line before", show=False),
    ]
    DEFAULT_CSS = "Form { height: 1fr; padding: 0 1; scrollbar-size: 0 0; }"

    class Changed(Message):
        """Something was typed or picked."""

    def __init__(self, fields: Sequence[FormField], *, submit: SafeText) -> None:
        super().__init__()
        self._entries = {field.name: _Entry(field) for field in fields}
        self._submit = Submit(Content(submit), markup=False)

    @property
    def texts(self) -> dict[str, str]:
        """The texts by name of their field."""
        return {name: entry.control.value for name, entry in self._entries.items()}

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield from self._entries.values()
        yield self._submit

    def show(self, faults: Mapping[str, str]) -> None:
        """Show the fault of each line that has one, and the notes of the others."""
        for name, entry in self._entries.items():
            entry.show(faults.get(name, ""))

    def go_to(self, name: str | None) -> None:
        """Bring the cursor to a line; None = the last one, that hands in."""
        control: Widget = self._submit if name is None else self._entries[name].control
        # At once, not by a message: the next key may be here already, and is meant for this line.
        self.screen.set_focus(control)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell of a change."""
        event.stop()
        self.post_message(self.Changed())

    def on_picker_picked(self, event: Picker.Picked) -> None:
        """Tell of a change."""
        event.stop()
        self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next line."""
        event.stop()
        self.screen.focus_next()

    def on_picker_done(self, event: Picker.Done) -> None:
        """Go to the next line."""
        event.stop()
        self.screen.focus_next()
