"""The log screen: the whole output of a task, searched and followed.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import os

from rich.style import Style
from textual.app import ComposeResult

from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import bindings
from console.navigation.history import LogPlace
from console.rows.copies import LogCopies
from console.rows.listing import style_of
from console.screens.base import DeskScreen
from console.screens.parts.exporter import EXPORT
from console.screens.parts.extracts import output_extract
from console.screens.parts.loading import running_work, stop_work
from console.screens.parts.log_browser import SEARCH, LogBrowser
from console.screens.parts.log_programs import FETCH, LogPrograms
from console.widgets.log_view import LogView
from core.model.patterns.children import USES as CHILD
from core.model.text import SafeText, safe_line
from core.model.views import LogStream
from core.render.sizes import size_text


class LogScreen(DeskScreen):
    """Shows a window of the output; what moves through it is the browser's."""

    PARTS = ("log", "view")
    NOUNS = ("task",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, subject: int | LogPlace) -> None:
        super().__init__(desk)
        self.task_id = subject if isinstance(subject, int) else subject.task_id
        self.view = LogView(colours="NO_COLOR" not in os.environ)
        self.browser = LogBrowser(desk.control, self.view, self, task_id=self.task_id)
        self.programs = LogPrograms(self, desk, self.browser.reader, task_id=self.task_id)
        if isinstance(subject, LogPlace):
            self.browser.open_at(subject)
        self.action_follow = self.browser.follow
        self.action_attempt = self.browser.attempt
        self.action_stream = self.browser.stream
        self.action_error = self.browser.error
        self.action_pager = self.programs.show_in_pager
        self.action_editor = self.programs.open_in_editor

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()
        self._colour_streams()

    def restyle(self) -> None:
        """Take the colours of the present theme."""
        self._colour_streams()
        super().restyle()

    async def load(self) -> None:
        """Read what was written since."""
        await self.browser.load()
        if not running_work(self, SEARCH):
            self.browser.count()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Read until the attempt has ended, whatever happens: output has no events."""
        browser = self.browser
        is_whole = browser.reader.facts.final and (browser.reader.has_all_below or not browser.following)
        return not is_whole or super().is_affected(kinds)

    def refresh_ages(self) -> None:
        self.take_changes(frozenset())

    def _nothing(self) -> str:
        """Say who has the output where no attempt wrote any."""
        detail = self.browser.detail
        if detail is not None and detail.task.instances is not None:
            return "a group: its instances have the output"
        if detail is not None and detail.task.uses == CHILD:
            return "it stands for a job: the tasks of that have the output"
        return "it has not run yet"

    def title_line(self) -> SafeText:
        """Name task, attempt and stream, and say whether more output may come."""
        browser, facts = self.browser, self.browser.reader.facts
        name = f" Log of task {self.task_id}"
        name += "" if browser.detail is None else f" {browser.detail.task.key}"
        if not facts.epoch:
            return safe_line(f"{name}  ({self._nothing()})")
        attempts = browser.attempts
        many = f" of {len(attempts)}" if len(attempts) > 1 else ""
        number = attempts.index(facts.epoch) + 1 if facts.epoch in attempts else facts.epoch
        state = "complete" if facts.final else "following" if browser.following else "not following: F"
        words = [f"attempt {number}{many}", state]
        if browser.reader.stream is LogStream.ERR:
            words.insert(0, "STANDARD ERROR")
        elif browser.reader.shows_both:
            words.append("┃ standard error (s: one stream)")
        elif facts.stderr:
            words.append(f"standard error apart: {size_text(facts.stderr)} (s)")
        if facts.lost:
            words.append("some output could not be kept")
        return safe_line("  ".join((name, *words)))

    def position_text(self) -> str:
        """Return the number of the first line in view, if it is known, and how far the view is."""
        reader, view = self.browser.reader, self.view
        seen, first = view.rows_in_view, view.first_number
        if not seen:
            return "no output"
        size = reader.facts.size
        percent = f"{100 * min(seen[-1].end, size) // max(1, size)}% of {size_text(size)}"
        if first is None:
            return percent
        whole = f"/{first + len(view.rows) - 1:,}" if view.has_all_below else ""
        return f"line {first + view.top_index:,}{whole}  {percent}"

    def work_text(self) -> str:
        """Say how far a search or a fetch is."""
        return "  ".join(filter(None, (self.programs.words, self.browser.finder.work_text)))

    def status_words(self) -> tuple[str, ...]:
        return (self.browser.finder.words,)

    def task_status(self) -> str:
        return "" if self.browser.detail is None else self.browser.detail.task.status

    def selected_view(self) -> object:
        """Return what the copy menu offers: lines, path, command."""
        reader, rows = self.browser.reader, self.view.rows_in_view
        engine, bundle = self.desk.feed.pulse.engine, self.desk.bundle
        return LogCopies(
            task_id=self.task_id,
            epoch=reader.facts.epoch,
            stream=reader.stream,
            path="" if bundle else reader.facts.path,
            host=self.desk.host,
            home="" if engine is None or bundle else engine.home,
            bundle=str(bundle.file) if bundle else "",
            lines=tuple(row.text for row in rows),
            found=next((row.text for row in rows if row.offset == self.view.current), None),
        )

    def extract(self) -> Extract | None:
        """Return the whole output, byte by byte, read as it is written."""
        reader = self.browser.reader
        if not reader.facts.size:
            return None
        return output_extract(
            self.desk.control, self.task_id, reader.facts, stream=reader.stream, name=self.file_name
        )

    def why_not(self, action: str) -> SafeText:
        """Say why an action cannot be taken now; '' = it can."""
        reader = self.browser.reader
        if action == "stream" and not reader.facts.stderr and reader.stream is LogStream.OUT:
            return SafeText("standard error is not kept apart: it is among this output")
        return self.programs.why_not(action) or super().why_not(action)

    def action_back(self) -> None:
        """Stop a search or a fetch, else leave."""
        # Matches are counted unasked: Esc leaves while they are.
        groups = (FETCH, EXPORT, SEARCH) if self.browser.finder.is_searching else (FETCH, EXPORT)
        if stop_work(self, *groups):
            self.show_status()
        else:
            super().action_back()

    def action_times(self) -> None:
        self.view.show_times(shown=not self.view.shows_times)

    def on_log_view_jump(self, event: LogView.Jump) -> None:
        event.stop()
        self.browser.jump(event.way)

    def on_log_view_near(self, event: LogView.Near) -> None:
        event.stop()
        self.browser.read_more(event.way)

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        event.stop()
        self.browser.moved(event.by)

    def on_log_view_search(self, event: LogView.Search) -> None:
        event.stop()
        self.browser.search()

    def on_log_view_match(self, event: LogView.Match) -> None:
        event.stop()
        self.browser.match(event.step)

    def _colour_streams(self) -> None:
        self.view.error_style = style_of("failed", self.desk.look) or Style()
