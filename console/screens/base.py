"""What all screens share: the desk, a head line, status bar, hints, and one error boundary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from console.desk import Desk
from console.keymap import hints
from console.operations import Chosen
from console.painting import SpanCompositor
from console.widgets.line import Line
from console.widgets.status import StatusBar
from console.working import start, words_of
from core.model.text import SafeText, clip, safe_line

_LOADING = "load"


class Visit(Message):
    """Somewhere else is to be shown on top: a job, a task, its log, the events or tasks of something."""

    def __init__(self, place: str, subject: int | str) -> None:
        super().__init__()
        self.place = place
        self.subject = subject


class DeskScreen(Screen[None]):
    """A screen that loads what it shows; a load that fails is told in its head and spares the rest."""

    PARTS: tuple[str, ...] = ()
    """The parts of the key table that this screen knows, besides those of the whole console."""
    READER = "text"
    """The part that moves about in what is shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._compositor = SpanCompositor()
        self.desk = desk
        self.head = Line(classes="head")
        self.status = StatusBar()
        self.hints = Line(Content(hints((*self.PARTS, self.READER, "app"))), classes="hints")
        self.trouble = ""
        self._loading: Worker[None] | None = None

    async def load(self) -> None:
        """Read what the screen shows, and show it."""
        raise NotImplementedError

    def title_line(self) -> SafeText:
        """Return the head line."""
        raise NotImplementedError

    def rows_words(self) -> str:
        """Return how much there is, for the status bar."""
        return ""

    def chosen(self) -> Chosen | None:
        """Return what a verb would act on."""
        return None

    def reload(self) -> None:
        """Load anew, whatever is being loaded."""
        self._loading = start(self, self.load, group=_LOADING, exclusive=True)

    def tick(self) -> None:
        """Load anew unless the last load is still under way; show the pulse."""
        if not self.desk.frozen and (self._loading is None or self._loading.is_finished):
            self.reload()
        self.show_status()

    def show_status(self) -> None:
        """Write head and status bar."""
        line = safe_line(f"! {self.trouble}") if self.trouble else self.title_line()
        self.head.set_class(bool(self.trouble), "trouble")
        self.head.write(Content(clip(line, self.size.width or 80)))
        self.status.show(self.desk.feed.pulse, rows=self.rows_words(), frozen=self.desk.frozen)

    def restyle(self) -> None:
        """Take the colours of another theme."""

    def on_screen_resume(self) -> None:
        """Show at once what is known, and load."""
        self.tick()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of a load that failed; forget it when the next one succeeds."""
        failed = event.state is WorkerState.ERROR
        if event.worker.group != _LOADING:
            if failed:
                self.notify(words_of(event.worker.error), severity="error", markup=False)
        elif failed or event.state is WorkerState.SUCCESS:
            self.trouble = words_of(event.worker.error) if failed else ""
            self.show_status()

    def visit(self, place: str, subject: int | str | None) -> None:
        """Show a place on top of this screen; nothing happens without a subject."""
        if subject is not None:
            self.post_message(Visit(place, subject))

    def act(self, verb: Callable[[Chosen], Awaitable[None]]) -> None:
        """Carry a verb out on what is chosen now, and load anew."""
        chosen = self.chosen()
        if chosen is None:
            self.notify("nothing here that this acts on", markup=False)
        else:
            self.act_on(chosen, verb)

    def act_on(self, chosen: Chosen, verb: Callable[[Chosen], Awaitable[None]]) -> None:
        """Carry a verb out, and load anew."""

        async def carry_out() -> None:
            await verb(chosen)
            self.reload()

        start(self, carry_out, group="act")

    def action_retry(self) -> None:
        """Run again what is chosen."""
        self.act(self.desk.operations.retry)

    def action_cancel(self) -> None:
        """Cancel what is chosen."""
        self.act(self.desk.operations.cancel)

    def action_pause(self) -> None:
        """Pause or resume what is chosen."""
        self.act(self.desk.operations.pause)

    def action_hold(self) -> None:
        """Hold or let go on what is chosen."""
        self.act(self.desk.operations.hold)

    def action_back(self) -> None:
        """Leave this screen, if another lies below."""
        if len(self.app.screen_stack) > 1:
            self.dismiss()
