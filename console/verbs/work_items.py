"""ItemVerbs: claim, release, delegate, comment, deny: ask, apply, report.

Made by the app; called by the people screen through the desk.
"""

from __future__ import annotations

from collections.abc import Awaitable

from console.verbs.apply import ACTOR
from console.verbs.questions import Notices
from core.control.api import ControlAPI
from core.model.commands.work_items import ItemChanged
from core.model.errors import TaskdeckError
from core.model.patterns.work_items import ItemView
from core.model.text import safe_line
from core.model.values import JsonObject


class ItemVerbs:
    """Each verb returns after its result is shown, and whether anything was changed."""

    def __init__(self, control: ControlAPI, *, notices: Notices, actor: str = ACTOR) -> None:
        self._items = control.work_items
        self._notices = notices
        self.actor = actor

    async def claim(self, view: ItemView) -> bool:
        """Take an item; the person whose claim came too late is told who has it."""
        return await self._carry_out("claim", view, self._items.claim(view.id, actor=self.actor))

    async def release(self, view: ItemView) -> bool:
        return await self._carry_out("release", view, self._items.release(view.id, actor=self.actor))

    async def delegate(self, view: ItemView, to: str) -> bool:
        """Give an item to another person."""
        return await self._carry_out("delegate", view, self._items.delegate(view.id, to, actor=self.actor))

    async def comment(self, view: ItemView, text: str) -> bool:
        """Write to the history of an item."""
        return await self._carry_out("comment", view, self._items.comment(view.id, text, actor=self.actor))

    async def deny(self, view: ItemView, reason: str) -> bool:
        """Deny an item; the reason that was typed is the question's answer."""
        return await self._carry_out("deny", view, self._items.deny(view.id, reason, actor=self.actor))

    async def approve(self, view: ItemView, values: JsonObject, comment: str) -> ItemChanged:
        """Approve an item; raise what the control raises, for the form to show."""
        return await self._items.approve(view.id, values, comment=comment, actor=self.actor)

    def tell_approved(self, changed: ItemChanged) -> None:
        """Say what became of an approval."""
        more = f"; {changed.missing} more to approve" if changed.missing else ""
        self._notices.inform(safe_line(f"approve work item {changed.item_id}: done{more}"))

    async def _carry_out(self, verb: str, view: ItemView, asked: Awaitable[ItemChanged]) -> bool:
        title = f"{verb} work item {view.id}"
        try:
            await asked
        except TaskdeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self._notices.warn(safe_line(f"{title}: {error.message}{hint}"))
            return False
        self._notices.inform(safe_line(f"{title}: done"))
        return True
