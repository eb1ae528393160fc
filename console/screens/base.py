"""DeskScreen: the base of all screens: title, status bar, hints, loading, verbs.

Every screen is a subclass, directly or through `ListScreen`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from typing import TypeVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from console.background import sentence_of, start
from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import hints
from console.navigation.history import Spot, Subject
from console.newjob.resubmit import Resubmit
from console.rows.copies import ShownTexts
from console.screens.parts.exporter import Exporter
from console.screens.parts.extracts import table_extract, table_texts, text_extract
from console.screens.parts.hosts import Tell
from console.screens.parts.tabs import tabs_of
from console.screens.parts.verb_keys import VerbKeys
from console.terminal.span_compositor import SpanCompositor
from console.verbs.reasons import NO_ENGINE, STARTING
from console.verbs.selection import Selection
from console.widgets.head import Head
from console.widgets.line import Line, hint_line
from console.widgets.status_bar import StatusBar, warnings_of
from console.widgets.table import Table
from console.widgets.text_view import TextView
from core.filters.fields import Noun
from core.model.decks import DeckName
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

__all__ = ["DeskScreen", "Shown", "Subject", "Visit"]

T = TypeVar("T")
_LOADING = "load"


class Visit(Message):
    """Asks for another place on top: a job, a task, its log, the events or tasks of something."""

    def __init__(self, place: str, subject: Subject) -> None:
        super().__init__()
        self.place = place
        self.subject = subject


class Shown(Message):
    """A screen is on top now."""

    def __init__(self, screen: DeskScreen) -> None:
        super().__init__()
        self.screen = screen


class DeskScreen(Screen[None]):
    """A screen that loads what it shows; an error of a load stands in its head and leaves the rest alone.

    It loads when it comes to the top, after events of its `NOUNS`, and after a verb of its own; what changes
    with time alone is refreshed by `refresh_ages`.
    """

    PARTS: tuple[str, ...] = ()
    """The parts of the key table that this screen knows, besides those of the whole console."""
    SHARED: tuple[str, ...] = ()
    """Parts that all screens of a kind know."""
    READER = "text"
    """The part that moves the cursor or the text."""
    mark = SafeText("")
    """Stands before the title in reverse video: what is shown is not the present."""
    NOUNS: tuple[str, ...] = ()
    """First words of the kinds of events that change what is shown; none = all of them."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._compositor = SpanCompositor()
        self.desk = desk
        self.spot: Spot | None = None
        """Its place in the history; None for a screen that has none."""
        self.head = Head()
        self.status = StatusBar()
        self.hints = Line(classes="hints")
        self.filter_noun: Noun | None = None
        """Whose fields a filter of this screen knows; None = it has no filter."""
        self.load_error = ""
        self._was_loaded = False
        self._loading: Worker[None] | None = None
        self._must_load_again = False
        self._is_load_awaited = True
        # Textual looks for actions on the screen; those of a part are the part's own methods. A screen
        # that means something else by a key assigns its own in their place.
        self.verbs = VerbKeys(desk, self)
        self.action_retry = self.verbs.retry
        self.action_again = self.verbs.again
        self.action_cancel = self.verbs.cancel
        self.action_kill = self.verbs.kill
        self.action_purge = self.verbs.purge
        self.action_pause = self.verbs.pause
        self.action_hold = self.verbs.hold
        self.exporter = Exporter(self, extract=self.extract)
        self.action_export = self.exporter.export

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        """Return all parts of the key table that this screen knows, besides those of the whole console."""
        return (*cls.PARTS, *cls.SHARED, cls.READER)

    def compose(self) -> ComposeResult:
        yield self.head
        yield from self.body()
        yield self.status
        yield self.hints

    def body(self) -> ComposeResult:
        """Yield what stands between head and status bar, from the top."""
        raise NotImplementedError

    async def load(self) -> None:
        """Read what the screen shows, and show it."""
        raise NotImplementedError

    def title_line(self) -> SafeText:
        raise NotImplementedError

    def position_text(self) -> str:
        """Return how much is shown or which part of it: always in the status bar."""
        return ""

    def chosen(self) -> Selection | None:
        """Return what a verb would act on."""
        return None

    def targets(self) -> Selection | None:
        """Return what a verb acts on: what is marked, else what is chosen."""
        return self.chosen()

    def task_status(self) -> str:
        """Return the status of the task under the cursor; '' = there is none, or it is unknown."""
        return ""

    def status_of_target(self) -> str:
        """Return the status of the one task that a verb acts on; '' = it is unknown or there are several."""
        return self.task_status()

    def selected_view(self) -> object:
        """Return the view that the copy menu copies, or None."""
        return None

    def shown(self) -> Table[object] | TextView | None:
        """Return the table or text that the operator looks at: with the keys, else the first one."""
        parts: list[Table[object] | TextView] = [
            part
            for part in self.query("Table, TextView")
            if part.display and isinstance(part, Table | TextView)
        ]
        filled = [part for part in parts if isinstance(part, TextView) or part.count] or parts
        return next((part for part in filled if part.has_focus), filled[0] if filled else None)

    def shown_texts(self) -> ShownTexts:
        """Return the row under the cursor and all lines of what is shown, for the copy menu."""
        part = self.shown()
        if isinstance(part, Table):
            return table_texts(part)
        return ShownTexts(whole="" if part is None else "\n".join(part.lines))

    def deck_flags(self) -> tuple[str, ...]:
        """Return the flags that name this home and host on a command line."""
        engine = self.desk.feed.pulse.engine
        return DeckName(host=self.desk.host, home="" if engine is None else engine.home).flags

    def extract(self) -> Extract | None:
        """Return what an export of this screen writes; None = there is nothing."""
        part = self.shown()
        if isinstance(part, Table):
            return table_extract(self.file_name, part) if part.count else None
        if part is None or not part.lines:
            return None
        return text_extract(self.file_name, part.lines, views=(self.selected_view(),))

    @property
    def file_name(self) -> str:
        """What a file is called that holds what is shown: the place, and the number of its subject."""
        if self.spot is None:
            return type(self).__name__.removesuffix("Screen").lower()
        subject = self.spot.subject
        number = f"-{subject}" if isinstance(subject, int) else ""
        return f"{self.spot.place.replace(' ', '-')}{number}"

    def job_view(self) -> object:
        """Return the view whose job may be submitted again."""
        return self.selected_view()

    def view_below(self) -> object:
        """Return the selected view of the screen that Esc leads back to, or None."""
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        return below.selected_view() if isinstance(below, DeskScreen) else None

    def why_not(self, action: str) -> SafeText:
        """Say why an action cannot be taken now; '' = it can."""
        return self.exporter.why_not() if action == "export" else self.verbs.why_not(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey the keys of what cannot be done now."""
        return None if self.why_not(action) else True

    def reload(self) -> None:
        self.load_by(self.load)

    def load_by(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Load by this work, instead of any load that is running."""
        self._must_load_again = False
        self._loading = self.begin(work, group=_LOADING, exclusive=True)

    def reload_for_operator(self, work: Callable[[], Coroutine[None, None, None]] | None = None) -> None:
        """Load what the operator's own key asked for, by some work: the next key is meant for that."""
        self._is_load_awaited = True
        if work is None:
            self.reload()
        else:
            self.load_by(work)

    @property
    def is_settling(self) -> bool:
        """Whether rows that a key asked for are still being read: those shown are of before."""
        is_loading = self._loading is not None and not self._loading.is_finished
        return self._is_load_awaited and is_loading

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Tell whether events of these kinds change what is shown."""
        return any(not self.NOUNS or kind.partition(".")[0] in self.NOUNS for kind in kinds)

    def take_changes(self, kinds: frozenset[str]) -> None:
        """Load if these kinds of events change what is shown, or once more after the load that is running."""
        if not self.desk.frozen and (self.load_error or self.is_affected(kinds)):
            self._must_load_again = self._loading is not None and not self._loading.is_finished
            if not self._must_load_again:
                self.reload()
        self.show_status()

    def refresh_ages(self) -> None:
        """Show what changes with time alone; load again after an error."""
        is_loading = self._loading is not None and not self._loading.is_finished
        if self.load_error and not is_loading and not self.desk.frozen:
            self.reload()
        self.show_status()

    def show_status(self) -> None:
        """Write head, hints and status bar."""
        pulse = self.desk.feed.pulse
        # Without an engine no load can succeed: the status bar says that, and the head stays readable.
        error = pulse.trouble or ("" if pulse.engine is None else self.load_error)
        width = self.size.width or 80
        if error:
            self.head.show_trouble(safe_line(f"! {error}"), width)
        else:
            self.head.show_title(self.title_line(), width, mark=self.mark or self.desk.mark)
        tabs = tabs_of(pulse, self.desk, present="" if self.spot is None else self.spot.root)
        self.head.show_tabs(tabs, width=width, height=self.size.height or 24)
        self.hints.write(_hints_at((*self.parts(), "app"), width))
        frozen = SafeText("FROZEN" if self.desk.frozen else "")
        warnings = warnings_of(self.desk.feed, console=(self.desk.gate.status_word, frozen))
        work = (self.desk.work, self.exporter.status_words(), self.work_text())
        words = (self.position_text(), *self.status_words())
        self.status.show(pulse, self.desk.look, warnings=warnings, work=work, words=words)
        if self.load_error and not self._was_loaded and pulse.engine is None:
            # An empty list would say that there is nothing.
            for table in self.query(Table):
                table.say(STARTING if self.desk.feed.starting else NO_ENGINE)

    def work_text(self) -> str:
        """Say how far the work is that the operator waits for on this screen; '' = none is under way."""
        return ""

    def status_words(self) -> tuple[str, ...]:
        """Return what else the status bar says of this screen, the most important first."""
        return ()

    def restyle(self) -> None:
        """Take the colours of another theme."""

    def is_fresh(self) -> bool:
        """Tell whether nothing has changed since the last load."""
        return False

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Show at once what was loaded last, and load unless nothing has changed since."""
        # The app updates the styles after a change of theme; otherwise they are as they were.
        event.refresh_styles = self._loading is None
        self.post_message(Shown(self))
        if self._loading is None or not (self.desk.frozen or self.is_fresh()):
            self.reload()
        else:
            self.refresh_ages()
        self.show_status()

    def on_resize(self) -> None:
        """Write the lines for the new width, also while the screen is frozen.

        Textual calls the method of each class of a screen: one that calls that of its base has it twice.
        """
        self.call_after_refresh(self.show_status)

    def on_text_view_found(self) -> None:
        """Show in the status bar which match is in view."""
        self.show_status()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show the error of a load until the next one succeeds; notify of errors of other work."""
        failed = event.state is WorkerState.ERROR
        self.exporter.note_end(event.worker)
        if event.worker.group != _LOADING:
            if failed:
                self.notify(sentence_of(event.worker.error), severity="error", markup=False)
        elif failed or event.state is WorkerState.SUCCESS:
            self.load_error = _load_error(event.worker.error) if failed else ""
            self._was_loaded = self._was_loaded or not failed
            self._is_load_awaited = self._is_load_awaited and event.worker is not self._loading
            if self._must_load_again:
                self.reload()
            self.show_status()

    def visit(self, place: str, subject: Subject | None) -> None:
        """Show a place on top of this screen; nothing happens without a subject."""
        if subject is not None:
            self.post_message(Visit(place, subject))

    @property
    def tell(self) -> Tell:
        """Show a sentence for a while; taken before work begins that may outlive this screen."""
        return partial(self.app.notify, markup=False)

    def begin(
        self, work: Callable[[], Coroutine[None, None, None]], *, group: str, exclusive: bool = False
    ) -> Worker[None]:
        return start(self, work, group=group, exclusive=exclusive)

    async def ask(self, dialog: ModalScreen[T]) -> T:
        return await self.app.push_screen_wait(dialog)

    def verb_done(self) -> None:
        """Take note that a verb has been carried out on the targets."""

    def submit_again(self, job_id: int) -> None:
        self.post_message(Resubmit(job_id))

    def action_back(self) -> None:
        """Stop an export, else leave this screen, if another lies below."""
        if self.exporter.is_running:
            self.exporter.stop()
        elif len(self.app.screen_stack) > 1:
            self.dismiss()


@lru_cache(maxsize=64)
def _hints_at(parts: tuple[str, ...], width: int) -> Content:
    return hint_line(hints(parts, width))


def _load_error(error: BaseException | None) -> str:
    if isinstance(error, TaskdeckError):
        return sentence_of(error)
    return f"something went wrong here; Ctrl+R reads it again ({sentence_of(error)})"
