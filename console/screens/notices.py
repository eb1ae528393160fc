"""What operators were told, and what became of each notice.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections import Counter

from console.desk import Desk
from console.key_table import bindings
from console.rows.notice_rows import notice_row_format
from console.screens.paged_screen import PagedScreen
from core.model.decks import DeckName
from core.model.notices import NoticeStatus, NoticeView
from core.model.text import SafeText, safe_line
from core.model.views import Page

_NONE = SafeText(
    "no notices yet: [notify.NAME] of config.toml makes them, `taskdeck notify test NAME` tries one"
)
_ALL = ""
_STATUSES = (_ALL, *(status.value for status in NoticeStatus))


class NoticesScreen(PagedScreen[NoticeView]):
    """The notices, the newest first; one key goes through their statuses."""

    PARTS = ("notices",)
    NOUNS = ("notice", "config", "capacity", "store")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, notice_row_format(lambda: desk.look))
        self._status = _ALL

    async def read(self, after: str | None, limit: int) -> Page[NoticeView]:
        before = int(after) if after else 0
        return await self.desk.control.notices.page(before=before, status=self._status, limit=limit)

    def nothing(self) -> SafeText:
        return _NONE if self._status == _ALL else safe_line(f"no notice is {self._status}")

    def title_line(self) -> SafeText:
        counts = Counter(notice.status for notice in self.table.rows.values())
        told = [f"{number:,}{'+' if self.table.more else ''} {word}" for word, number in counts.most_common()]
        only = f"{self._status} " if self._status else ""
        return safe_line("  ".join([f" Notices  {only}".rstrip(), *([] if only else told)]))

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
        self.start_over()

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
