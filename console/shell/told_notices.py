"""Notices of `[notify.NAME]` with `console`: shown while a console is open.

Owned by the app.
"""

from __future__ import annotations

import os

from textual.app import App

from console.desk import Desk
from console.terminal.signals import ring, show_on_desktop
from console.verbs.questions import Notices
from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.notices import Signal
from core.model.text import SafeText, clip, safe_line

_ENDS = ("notice.sent", "notice.failed")
_SHOWN = 3
"""Toasts of one look; what is beyond is counted."""
_READ = 100
_LONGEST = 160
_SECONDS = 10.0


class ToldNotices:
    """Tells of the notices that ended since the console began; of older ones the list tells."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices
        self._seen: int | None = None
        """Up to which event notices were looked at; None = nothing was heard yet."""

    async def follow(self, kinds: frozenset[str]) -> None:
        """Tell of the notices of these events, each once."""
        newest = self._desk.feed.last_event
        if self._seen is None or newest is None:
            # An engine that is gone may have sent something; it is in the list.
            self._seen = newest
            return
        if kinds.isdisjoint(_ENDS):
            self._seen = max(self._seen, newest)
            return
        only = Filter(noun=Noun.EVENTS, terms=(In(field="kind", values=_ENDS),))
        try:
            page = await self._desk.control.events(EventQuery(filter=only), after_id=self._seen, limit=_READ)
        except TaskdeckError:
            # The screen shows what is wrong; the next event asks again.
            return
        self._seen = max(newest, *(event.id for event in page.rows), self._seen)
        self._tell([event for event in page.rows if _is_for_here(event)])

    def _tell(self, events: list[EventView]) -> None:
        for event in events[:_SHOWN]:
            show = self._notices.warn if event.kind == "notice.failed" else self._notices.inform
            show(_sentence(event), seconds=_SECONDS)
        if len(events) > _SHOWN:
            self._notices.inform(safe_line(f"{len(events) - _SHOWN:,} more notices: :notices lists them"))
        signals = {signal for event in events for signal in _signals(event)}
        driver = self._app._driver  # noqa: SLF001 # Textual has no public way to it.
        if signals & {Signal.BELL, Signal.DESKTOP}:
            ring(driver)
        if Signal.DESKTOP in signals:
            loud = [event for event in events if Signal.DESKTOP in _signals(event)]
            more = f" (and {len(loud) - 1:,} more)" if len(loud) > 1 else ""
            show_on_desktop(driver, safe_line(f"{_sentence(loud[0])}{more}"), environ=os.environ)


def _is_for_here(event: EventView) -> bool:
    """Whether consoles tell of it: what is sent to them, and what could not be sent elsewhere."""
    return event.kind == "notice.failed" or bool(_signals(event))


def _signals(event: EventView) -> tuple[str, ...]:
    found = event.data.get("signals")
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _sentence(event: EventView) -> SafeText:
    if event.kind == "notice.failed":
        told = f"notices to {event.data.get('sink')} failed: {event.data.get('error')} (:notices)"
    else:
        told = str(event.data.get("subject", "")).removeprefix("taskdeck: ")
    return clip(safe_line(told), _LONGEST)
