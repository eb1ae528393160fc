"""A line to type, and the offers that what is typed narrows.

Opened by the palette and the place prompt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.background import start
from console.widgets.form import SafeInput
from core.model.text import SafeText, cells, clip, fit

_KEYS = "Tab completes, ↓ ↑ choose, Enter takes, Esc leaves"
_OTHER_LINES = 2
"""The question and the typed line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A line of the list."""

    text: str
    """What the dialog returns, and what Tab writes."""
    title: SafeText
    note: SafeText = SafeText("")
    """What it leads to, behind the title."""
    reason: SafeText = SafeText("")
    """Why it cannot be had now: it is greyed; '' = it can."""


Narrow: TypeAlias = Callable[[str], Sequence[Offer]]
"""Returns the offers for what is typed, the best first."""


class Enters(Enum):
    """What Enter returns while the cursor has not been moved; the text, where nothing is offered."""

    THE_FIRST_OFFER = auto()
    WHAT_IS_TYPED = auto()


class Finder(ModalScreen[str]):
    """Narrows offers by what is typed; Enter returns one, or the text, Escape ''.

    `prepare` reads what the offers need, beside the dialog; they are narrowed again when it has ended.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False),
        Binding("down,ctrl+n", "move(1)", "next", show=False),
        Binding("up,ctrl+p", "move(-1)", "before", show=False),
        Binding("pagedown", "page(1)", "a page down", show=False),
        Binding("pageup", "page(-1)", "a page up", show=False),
        Binding("tab", "complete", "write the offer into the line", show=False),
        Binding("delete", "remove", "forget the offer", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    Finder { background: transparent; align: left bottom; }
    Finder Static { width: 100%; height: auto; background: $panel; }
    Finder .question { text-style: reverse bold; padding: 0 1; height: 1; }
    Finder SafeInput { width: 100%; background: $panel; }
    """

    def __init__(
        self,
        question: SafeText,
        narrow: Narrow,
        *,
        enters: Enters,
        value: str = "",
        prepare: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        super().__init__()
        self._question = question
        self._narrow = narrow
        self._enters = enters
        self._prepare = prepare
        self.forget: Callable[[str], None] | None = None
        """Forgets an offer for good, by the Delete key; None = offers stay."""
        self._offers: tuple[Offer, ...] = ()
        self._at: int | None = None
        """The number of the offer under the cursor; None = the cursor has not been moved."""
        self._input = SafeInput(value)
        self._list = Static(markup=False)
        self._head = Static(markup=False, classes="question")

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What is offered now."""
        return self._offers

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._list
        yield self._input

    def on_mount(self) -> None:
        # At once, not by a message: the next key may be here already.
        self.set_focus(self._input)
        self._input.cursor_position = len(self._input.value)
        self.renew()
        if self._prepare is not None:
            start(self, self._read, group="prepare")

    def on_resize(self) -> None:
        self._write()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the offers by what is typed."""
        event.stop()
        self._at = None
        self.renew()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the offer under the cursor, or what is typed."""
        event.stop()
        if self._at is None and self._enters is Enters.WHAT_IS_TYPED:
            self.dismiss(event.value)
            return
        # What was typed last may not have been told yet.
        self._offers = tuple(self._narrow(event.value))
        if self._offers:
            self.dismiss(self._offers[min(self._at or 0, len(self._offers) - 1)].text)
        else:
            self.dismiss(event.value)

    def action_move(self, step: int) -> None:
        """Go to another offer; beyond the first or the last, to none of them."""
        last = len(self._offers) - 1
        if last < 0:
            return
        if self._at is None:
            self._at = (0 if self._enters is Enters.WHAT_IS_TYPED else min(1, last)) if step > 0 else last
        else:
            self._at = max(0, min(last, self._at + step))
        self._write()

    def action_page(self, step: int) -> None:
        last = len(self._offers) - 1
        if last >= 0:
            self._at = max(0, min(last, (self._at or 0) + step * self._room))
            self._write()

    def action_complete(self) -> None:
        """Write the offer under the cursor, else the first one, into the line."""
        if self._offers:
            self._input.value = self._offers[self._at or 0].text
            self._input.cursor_position = len(self._input.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the Delete key to the line where offers cannot be forgotten."""
        return action != "remove" or self.forget is not None

    def action_remove(self) -> None:
        """Forget the offer under the cursor."""
        if self.forget is not None and self._offers:
            self.forget(self._offers[self._at or 0].text)
            self.renew()

    def action_back(self) -> None:
        self.dismiss("")

    @property
    def _room(self) -> int:
        return max(1, self.app.size.height - _OTHER_LINES - 1)

    async def _read(self) -> None:
        if self._prepare is not None:
            await self._prepare()
            self.renew()

    def renew(self) -> None:
        """Narrow the offers once more: what is known has changed."""
        self._offers = tuple(self._narrow(self._input.value))
        if self._at is not None:
            self._at = min(self._at, len(self._offers) - 1) if self._offers else None
        self._write()

    def _write(self) -> None:
        width = max(1, self.app.size.width - 2)
        cursor = 0 if self._at is None and self._enters is Enters.THE_FIRST_OFFER else self._at
        first = max(0, min((cursor or 0) - self._room // 2, len(self._offers) - self._room))
        shown = self._offers[first : first + self._room]
        titles = min(max((cells(offer.title) for offer in shown), default=0), width * 2 // 3)
        lines = [
            _line(offer, titles, width, is_cursor=number == cursor)
            for number, offer in enumerate(shown, first)
        ]
        empty = Content.styled(" nothing has this name", "$muted")
        self._list.update(Content("\n").join(lines or [empty]))
        under = self._offers[cursor] if cursor is not None and cursor < len(self._offers) else None
        self._head.update(Content(self._head_line(under.reason if under else SafeText(""), width)))

    def _head_line(self, reason: SafeText, width: int) -> SafeText:
        """Return the question with the keys, or with why the offer under the cursor cannot be had."""
        right = f"not now: {reason}" if reason else _KEYS
        room = width - cells(self._question) - cells(right)
        if room > 1:
            return SafeText(f"{self._question}{' ' * room}{right}")
        return clip(right if reason else self._question, width)


def _line(offer: Offer, titles: int, width: int, *, is_cursor: bool) -> Content:
    more = "  ".join(filter(None, (offer.note, f"not now: {offer.reason}" if offer.reason else "")))
    text = clip(SafeText(f"{fit(offer.title, titles)}  {more}" if more else offer.title), width)
    styles = [word for word, holds in (("reverse", is_cursor), ("$muted", bool(offer.reason))) if holds]
    return Content.styled(f" {fit(text, width)} ", " ".join(styles)) if styles else Content(f" {text}")
