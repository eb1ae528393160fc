"""Operations: every change an operator asks for: confirm, ask the control, tell."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from core.control.api import ControlAPI, Target
from core.model.commands import Operated
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

UNDO_SECONDS = 10.0
"""How long the inverse of a pause or hold is at hand."""
_SHOWN = 3
_ACTOR = "console"

Act: TypeAlias = Callable[[], Awaitable[Operated]]


class Front(Protocol):
    """The one who asks and tells the operator."""

    async def confirm(self, question: SafeText) -> bool:
        """Return whether the operator says yes."""

    def tell(self, words: SafeText, *, bad: bool = False) -> None:
        """Show a sentence for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a verb acts on, as it was when the operator asked: keys, never places in a list."""

    target: Target
    label: str
    off: bool = False
    """It is paused or held: the verb lets it go on."""


class Operations:
    """The verbs; each returns after its words are shown. Reversible ones (T0) do not ask, others (T1) do."""

    def __init__(self, control: ControlAPI, front: Front) -> None:
        self._control = control
        self._front = front
        self._inverse: tuple[float, str, Act] | None = None

    async def retry(self, chosen: Chosen) -> None:
        """Ask, then run again."""
        await self._asked("retry", chosen, lambda: self._control.retry(chosen.target, actor=_ACTOR))

    async def cancel(self, chosen: Chosen) -> None:
        """Ask, then cancel."""
        await self._asked("cancel", chosen, lambda: self._control.cancel(chosen.target, actor=_ACTOR))

    async def pause(self, chosen: Chosen) -> None:
        """Pause, or resume what is paused."""

        def pause() -> Awaitable[Operated]:
            return self._control.pause(chosen.target, actor=_ACTOR)

        def resume() -> Awaitable[Operated]:
            return self._control.resume(chosen.target, actor=_ACTOR)

        if chosen.off:
            await self._reversible(f"resume {chosen.label}", resume, inverse=pause)
        else:
            await self._reversible(f"pause {chosen.label}", pause, inverse=resume)

    async def hold(self, chosen: Chosen) -> None:
        """Hold, or let go on what is held."""

        def hold() -> Awaitable[Operated]:
            return self._control.hold(chosen.target, actor=_ACTOR)

        def unhold() -> Awaitable[Operated]:
            return self._control.unhold(chosen.target, actor=_ACTOR)

        if chosen.off:
            await self._reversible(f"unhold {chosen.label}", unhold, inverse=hold)
        else:
            await self._reversible(f"hold {chosen.label}", hold, inverse=unhold)

    async def undo(self) -> None:
        """Undo the last reversible verb, if it is not too long ago."""
        inverse, self._inverse = self._inverse, None
        if inverse is None or time.monotonic() > inverse[0]:
            self._front.tell(SafeText("nothing to undo"))
            return
        _, words, act = inverse
        await self._carry_out(f"undo: {words}", act)

    async def _asked(self, verb: str, chosen: Chosen, act: Act) -> None:
        if await self._front.confirm(safe_line(f"{verb.capitalize()} {chosen.label}? [y/N]")):
            await self._carry_out(f"{verb} {chosen.label}", act)

    async def _reversible(self, words: str, act: Act, *, inverse: Act) -> None:
        if await self._carry_out(words, act, more="z undoes it"):
            self._inverse = (time.monotonic() + UNDO_SECONDS, words, inverse)

    async def _carry_out(self, words: str, act: Act, *, more: str = "") -> bool:
        try:
            operated = await act()
        except TaskdeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self._front.tell(safe_line(f"{words}: {error.message}{hint}"), bad=True)
            return False
        told = f"{words}: {_changed(operated)}" + (f"; {more}" if more and operated.changed else "")
        self._front.tell(safe_line(told), bad=bool(operated.refused))
        return operated.changed > 0


def _changed(operated: Operated) -> str:
    parts = [f"{operated.changed} changed"] if operated.changed or not operated.refused else []
    parts += [f"{number} refused: {reason}" for number, reason in operated.refused[:_SHOWN]]
    if len(operated.refused) > _SHOWN:
        parts.append(f"{len(operated.refused) - _SHOWN} more refused")
    return ", ".join(parts)
