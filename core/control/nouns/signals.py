"""Signals: their request, and the verb that asks it.

The part `signals` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.signals import Signal, Signalled
from core.model.patterns.signal_views import SignalsView
from core.model.values import JsonValue, json_size

KEEP_MS = 7 * 86_400_000
"""For how long a signal is kept that no task waits for."""
KEEP_MAX_MS = 366 * 86_400_000
DATA_BYTES = 65_536
"""Bytes of the data of a signal, written as JSON."""


@verb("signal", Kind.CHANGE)
class SendSignal(Request[Signalled], frozen=True, kw_only=True):
    name: str
    key: str = ""
    data: JsonValue = None
    uid: str | None = None
    keep_ms: int = KEEP_MS
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_text("name", self.name)
        if self.key:
            bounds.check_text("key", self.key)
        bounds.check_optional_text("uid", self.uid)
        bounds.check_whole("keep_ms", self.keep_ms, least=1, most=KEEP_MAX_MS)
        if json_size(self.data) > DATA_BYTES:
            wanted = f"at most {DATA_BYTES} bytes as JSON; pass large data by a file"
            raise bounds.refused("data", f"{json_size(self.data)} bytes", wanted)

    def command(self, actor: str) -> Signal:
        """Return what the journal takes; the actor is signed."""
        return Signal(
            name=self.name, key=self.key, data=self.data, uid=self.uid, keep_ms=self.keep_ms, actor=actor
        )


@verb("signals", Kind.READ)
class ListSignals(Request[SignalsView], frozen=True, kw_only=True):
    limit: int = PAGE


class SignalsReading(Verbs):
    """Signals, and who waits for them."""

    async def list(self, *, limit: int = PAGE) -> SignalsView:
        """Return what is kept, the oldest first, and who waits, the longest first; so many of each."""
        return await self._control.ask(ListSignals(limit=limit))


class SignalVerbs(SignalsReading):
    """Signals that tasks wait for."""

    async def send(self, signal: SendSignal) -> Signalled:
        """Answer the task that waits longest for its name and key, or keep the signal for one.

        A second signal with the same `uid` does nothing while the first is kept, read or not.
        """
        return await self._control.ask(signal)
