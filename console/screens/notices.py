"""What operators were told, and what became of each notice.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections import Counter

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.notice_rows import notice_row_format
from console.rows.pages import Pages
from console.rows.row_count import first_words
from console.screens.base import DeskScreen
from console.screens.parts.loading import read_on
from console.widgets.table import Table
from core.model.decks import DeckName
from core.model.notices import NoticeStatus, NoticeView
from core.model.text import SafeText, safe_line
from core.model.views import Page

_NONE = SafeText(
    "no notices yet: [notify.NAME] of config.toml makes them, `taskdeck notify test NAME` tries one"
)
_ALL = ""
_STATUSES = (_ALL, *(status.value for status in NoticeStatus))


class NoticesScreen(DeskScreen):
    """The notices, the newest first; one key goes through their statuses."""

    PARTS = ("notices",)
    READER = "table"
    NOUNS = ("notice", "config", "capacity", "store")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._status = _ALL
        self._pages = Pages(self._read)
        self.table: Table[NoticeView] = Table(notice_row_format(lambda: desk.look))

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    async def load(self) -> None:
        """Read the notices in view and around."""
        await self._pages.show(self.table.top, self.table.top + self.table.height)
        self.table.replace(self._pages.window(), count=self._pages.count, more=self._pages.more)
        self.table.say(_NONE if self._status == _ALL else safe_line(f"no notice is {self._status}"))
        self.show_status()

    def title_line(self) -> SafeText:
        counts = Counter(notice.status for notice in self.table.rows.values())
        told = [f"{number:,}{'+' if self.table.more else ''} {word}" for word, number in counts.most_common()]
        only = f"{self._status} " if self._status else ""
        return safe_line("  ".join([f" Notices  {only}".rstrip(), *([] if only else told)]))

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        return f"row {at:,}/{self.table.count:,}{'+' if self.table.more else ''}"

    def selected_view(self) -> object:
        return self.table.selected

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory."""
        self.show_status()
        read_on(self, self.table)

    def on_table_opened(self) -> None:
        self.action_open()

    def on_table_end_wanted(self) -> None:
        """Read on to the end, as far as a list is searched for it."""
        self.reload_for_operator(self._read_to_end)

    def action_open(self) -> None:
        """Show the task or job that the notice is about."""
        notice = self.table.selected
        if notice is None:
            return
        if notice.task_id is not None:
            self.visit("task", notice.task_id)
        elif notice.job_id is not None:
            self.visit("job", notice.job_id)
        else:
            why = f" ({notice.error})" if notice.error else ""
            self.tell(safe_line(f"{notice.status} to {notice.sink}: {notice.text}{why}"))

    def action_status(self) -> None:
        """List those of the next status alone, then all again."""
        self._status = _STATUSES[(_STATUSES.index(self._status) + 1) % len(_STATUSES)]
        self._pages = Pages(self._read)
        self.table.go_to(0)
        self.reload_for_operator()

    def action_way(self) -> None:
        """Say how to try the sink of the row."""
        notice = self.table.selected
        name = "NAME" if notice is None else notice.sink
        engine = self.desk.feed.pulse.engine
        flags = DeckName(home="" if engine is None else engine.home).flags
        # It is sent by the machine that it is typed on: that of the engine.
        where = f"on {self.desk.host}: " if self.desk.host else ""
        command = " ".join(("taskdeck notify test", name, *flags))
        self.tell(safe_line(f"{where}`{command}` sends a test at once, and says how that went"))

    async def _read(self, after: str | None, limit: int) -> Page[NoticeView]:
        before = int(after) if after else 0
        return await self.desk.control.notices.page(before=before, status=self._status, limit=limit)

    async def _read_to_end(self) -> None:
        is_end = await self._pages.reach_end()
        await self.load()
        self.table.go_to(self._pages.count - 1)
        if not is_end:
            self.tell(first_words(self._pages.count))
