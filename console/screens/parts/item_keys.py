"""Item keys: ask what a verb on a work item needs.

Owned by the people screen.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from console.desk import Desk
from console.dialogs.item_form import ItemDialog
from console.screens.parts.hosts import VerbHost
from console.verbs.reasons import NO_ENGINE
from console.widgets.line_dialog import LineDialog
from core.model.actors import is_same_person
from core.model.patterns.work_items import ItemView
from core.model.text import SafeText, safe_line
from core.render.item_lines import ItemLine

_NONE = SafeText("no work item here")


class ItemKeys:
    """Asks for what a verb needs to know, and carries it out on the item that is chosen."""

    def __init__(
        self,
        desk: Desk,
        host: VerbHost,
        *,
        chosen: Callable[[], ItemLine | None],
        person: Callable[[], str],
    ) -> None:
        self._desk = desk
        self._host = host
        self._chosen = chosen
        self._person = person

    def why_not(self, action: str) -> SafeText:
        """Say why one of these actions cannot be taken now; '' = it can."""
        refusal, line = self._desk.gate.refusal, self._chosen()
        if refusal:
            return refusal
        if self._desk.feed.pulse.engine is None:
            return NO_ENGINE
        if line is None:
            return _NONE
        if action == "comment" or line.view.is_open:
            return SafeText("")
        return safe_line(f"work item {line.id} is {line.state} already, by {line.who}")

    def approve(self) -> None:
        """Fill in the form of the item and approve it."""
        self._act(self._approve)

    def deny(self) -> None:
        """Deny the item, with a reason that is typed."""
        self._act(self._deny)

    def claim(self) -> None:
        """Claim the item, or release it."""
        self._act(self._claim)

    def delegate(self) -> None:
        """Give the item to another person."""
        self._act(self._delegate)

    def comment(self) -> None:
        """Write to its history."""
        self._act(self._comment)

    async def _approve(self, view: ItemView) -> None:
        details = await self._desk.control.work_items.one(view.id)
        changed = await self._host.ask(
            ItemDialog(details, lambda values, comment: self._desk.items.approve(view, values, comment))
        )
        if changed is not None:
            self._desk.items.tell_approved(changed)

    async def _deny(self, view: ItemView) -> None:
        reason = await self._typed(f"Deny work item {view.id}, {view.title}: why?", "its task says so")
        if reason:
            await self._desk.items.deny(view, reason)

    async def _claim(self, view: ItemView) -> None:
        own = view.claimed_by is not None and is_same_person(view.claimed_by, self._person())
        await (self._desk.items.release(view) if own else self._desk.items.claim(view))

    async def _delegate(self, view: ItemView) -> None:
        to = await self._typed(f"Give work item {view.id} to whom?", "a name; it is not verified")
        if to:
            await self._desk.items.delegate(view, to)

    async def _comment(self, view: ItemView) -> None:
        text = await self._typed(f"Write to the history of work item {view.id}:", "a remark")
        if text:
            await self._desk.items.comment(view, text)

    async def _typed(self, question: str, placeholder: str) -> str:
        return (await self._host.ask(LineDialog(safe_line(question), placeholder=placeholder))).strip()

    def _act(self, verb: Callable[[ItemView], Coroutine[None, None, None]]) -> None:
        line = self._chosen()
        if line is None:
            self._host.tell(_NONE)
            return
        view = line.view

        async def carry_out() -> None:
            await verb(view)
            self._host.reload_for_operator()

        self._host.begin(carry_out, group="act")
