"""Dialogs with counts, plans and reports, for verbs on many rows.

Opened by `questions`.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from console.background import start
from console.verbs.questions import CountQuestion, Plan, Report
from console.verbs.tiers import facts_of, meets
from console.widgets.form import SafeInput
from console.widgets.line import Line
from console.widgets.text_view import TextView
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

_SECONDS = 1.0
"""Between two questions for what matches by now."""
_COUNTING = SafeText("counting what it would do ...")


class CountDialog(ModalScreen[bool]):
    """Asks for the count; its last digit says yes, Escape says no, Enter and letters say nothing."""

    DEFAULT_CSS = """
    CountDialog { background: transparent; align: left bottom; }
    CountDialog Line { height: auto; width: 100%; padding: 0 1; background: $panel; text-wrap: wrap; }
    CountDialog .typed { text-style: bold; }
    """

    def __init__(self, asked: CountQuestion) -> None:
        super().__init__()
        self._asked = asked
        self._typed = ""
        self._since = 0
        self._effect = asked.effect if asked.counting is None else (*asked.effect, _COUNTING)
        self._facts = Line()
        self._line = Line(classes="typed")

    def compose(self) -> ComposeResult:
        """Stack question, facts and what is typed."""
        verb, scope = self._asked.verb, self._asked.scope
        question = safe_line(f"{verb.capitalize()} {scope.name}?")
        yield Line(Content.styled(question, "reverse bold"))
        # Above the facts: where there is little room, they are what is cut.
        yield self._line
        yield self._facts

    def on_mount(self) -> None:
        """Begin to ask what the verb would do, and what matches by now."""
        self._write()
        if self._asked.counting is not None:
            start(self, self._count_effect, group="effect")
        if self._asked.since is not None:
            self._ask_matches()
            self.set_interval(_SECONDS, self._ask_matches)

    def on_key(self, event: events.Key) -> None:
        """Take digits; every other key but Escape and Backspace does nothing."""
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(result=False)
        elif event.key == "backspace":
            self._type(self._typed[:-1])
        elif event.character is not None and event.character in "0123456789":
            self._type(self._typed + event.character)

    def _type(self, text: str) -> None:
        number = self._asked.scope.number
        self._typed = text[: len(str(number)) + 1]
        self._write()
        if meets(self._typed, number):
            self.dismiss(result=True)

    async def _count_effect(self) -> None:
        if self._asked.counting is not None:
            self._effect = (*self._asked.effect, *await self._asked.counting())
            self._write()

    def _ask_matches(self) -> None:
        start(self, self._ask_since, group="since", exclusive=True)

    async def _ask_since(self) -> None:
        if self._asked.since is None:
            return
        try:
            self._since = await self._asked.since()
        except TaskdeckError:
            # The question stays as it was asked; applying it will show the error.
            return
        self._write()

    def _write(self) -> None:
        lines = (*facts_of(self._asked.scope, self._since), *self._effect)
        self._facts.update(Content("\n".join(lines)))
        number = self._asked.scope.number
        wrong = "   this is not the count" if len(self._typed) >= len(str(number)) else ""
        self._line.update(Content(f"type {number} to confirm, Esc cancels: {self._typed}_{wrong}"))


class PlanDialog(ModalScreen[str | None]):
    """Shows a plan, takes the reason, then asks; only y applies it, and Escape goes back by one step."""

    DEFAULT_CSS = """
    PlanDialog { background: $background; }
    PlanDialog SafeInput { background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("pagedown", "scroll_plan(1)", "a page down"),
        ("pageup", "scroll_plan(-1)", "a page up"),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._asks = False
        self._view = TextView()
        self._input = SafeInput(plan.reason, placeholder="why (required), then Enter")
        self._line = Line(classes="head")

    def compose(self) -> ComposeResult:
        """Stack the plan, the reason and the question."""
        yield Line(Content(safe_line(f" Plan: {self._plan.title}; nothing is done yet")), classes="head")
        yield self._view
        yield self._input
        yield self._line

    def on_mount(self) -> None:
        """Begin with the reason."""
        self.call_after_refresh(self._view.put, self._plan.lines)
        self._ask_reason()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the question when there is a reason."""
        event.stop()
        if not event.value.strip():
            self._say("a reason is required: the history keeps it")
            return
        self._asks = True
        self._input.disabled = True
        self._view.focus()
        self._say(f"{self._plan.title.capitalize()}? y applies it, Esc goes back to the reason")

    def on_key(self, event: events.Key) -> None:
        """Take the answer."""
        if event.key == "escape":
            event.stop()
            if self._asks:
                self._ask_reason()
            else:
                self.dismiss(None)
        elif self._asks and event.key == "y":
            event.stop()
            self.dismiss(self._input.value.strip())

    def action_scroll_plan(self, step: int) -> None:
        """Scroll the plan while the reason is typed."""
        self._view.action_page(step)

    def _ask_reason(self) -> None:
        self._asks = False
        self._input.disabled = False
        self._input.focus()
        self._say("Enter continues, Esc cancels")

    def _say(self, sentence: str) -> None:
        self._line.write(Content.styled(safe_line(f" {sentence}"), "reverse"))


class ReportDialog(ModalScreen[bool]):
    """Lists what was refused; r tries those targets again where that is possible."""

    DEFAULT_CSS = "ReportDialog { background: $background; }"

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Stack head, list and hints."""
        hint = "r tries the failed ones again  Esc leaves them" if self._report.can_retry else "Esc back"
        yield Line(Content(safe_line(f" {self._report.title}")), classes="head")
        yield self._view
        yield Line(Content(SafeText(f" {hint}")), classes="hints")

    def on_mount(self) -> None:
        """Show the lines."""
        self.call_after_refresh(self._view.put, self._report.lines)
        self._view.focus()

    def on_key(self, event: events.Key) -> None:
        """Take the answer."""
        if event.key in ("escape", "q"):
            event.stop()
            self.dismiss(result=False)
        elif event.key == "r" and self._report.can_retry:
            event.stop()
            self.dismiss(result=True)
