"""EngineLifecycle: starts, replaces and stops the engine for the console.

Used by the app, at its start, at its end and at the operator's request.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.desk import Desk
from console.engine_lifecycle.starters import EngineStarter
from console.feed import Pulse
from console.verbs.apply import ACTOR
from console.verbs.questions import Notices, Questions
from core.control.api import StopMode
from core.model.errors import Conflict, TaskdeckError, Unavailable
from core.model.text import SafeText, safe_line
from core.model.version import VERSION

_MODES = {"r": StopMode.DRAIN, "s": StopMode.STOP}
_EMBEDDED_READ_ONLY = "work is under way, and its engine ends with this console"


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeaveQuestion:
    """What is asked before the console leaves an engine that has work."""

    text: str
    keys: str
    """The keys that leave; never n, which means no everywhere."""


_ASK = _LeaveQuestion(
    text="Work is under way: d detaches (the engine goes on), r drains it (ends when idle), "
    "s stops it; any other key stays",
    keys="drs",
)
_ASK_EMBEDDED = _LeaveQuestion(
    text="Work is under way, and its engine ends with this console: r drains it first, s stops it; "
    "any other key stays",
    keys="rs",
)
_ASK_READ_ONLY = _LeaveQuestion(
    text="Work is under way: d detaches (the engine goes on), any other key stays", keys="d"
)
_STOPPING = SafeText("the engine is stopping; E starts one when it has ended")
_TAKE_BACK = SafeText("The engine drains: take that back, and start tasks again? [y/N]")


class EngineLifecycle:
    """Starts and replaces engines, and asks before the console leaves one that has work."""

    def __init__(
        self, desk: Desk, *, questions: Questions, notices: Notices, starter: EngineStarter | None
    ) -> None:
        self._desk = desk
        self._questions = questions
        self._notices = notices
        self._starter = starter
        self._is_replacing = False
        self._was_lost = False
        self._known_epoch = 0

    def follow(self) -> None:
        """Tell once what became of the engine; start the one that replaces another."""
        self._announce(self._desk.feed.pulse)
        if self._starter is None:
            return
        if self._is_replacing and self._desk.feed.pulse.engine is None:
            self._is_replacing = False
            self._start(self._starter)
        self._desk.feed.starting = self._desk.feed.starting and self._starter.lives
        failure = self._starter.failure()
        if failure:
            self._notices.warn(failure)

    async def open(self) -> frozenset[str]:
        """Start an engine if none answers; return the kinds of all events that may have come."""
        kinds = await self._desk.feed.ask_for_all()
        if self._desk.feed.pulse.engine is None and self._starter is not None:
            self._start(self._starter)
        return kinds

    async def start_or_replace(self) -> None:
        """Start an engine if none answers; offer to take a drain back, or to replace another version."""
        await self._desk.feed.ask_for_all()
        pulse = self._desk.feed.pulse
        if pulse.engine is None:
            if self._starter is None:
                self._notices.warn(SafeText("this console starts no engine; run 'taskdeck serve'"))
            else:
                self._start(self._starter)
        elif self._desk.bundle is not None:
            self._notices.inform(SafeText("this is a bundle: no engine belongs to it"))
        elif pulse.engine.state == "draining":
            await self._take_drain_back()
        elif pulse.engine.state == "stopping":
            self._notices.inform(_STOPPING)
        elif not pulse.foreign:
            self._notices.inform(SafeText("an engine is running, of this version"))
        else:
            await self._replace(pulse)

    async def may_leave(self) -> bool:
        """Ask what becomes of an engine that has work, whether started here or not; False = stay."""
        await self._desk.feed.ask_for_all()
        pulse = self._desk.feed.pulse
        if pulse.engine is None and self._starter is not None:
            # Left before it answered: no other client knows of it.
            self._starter.call_off()
        if self._starter is None or pulse.engine is None or not pulse.busy:
            # An idle engine ends by itself, as soon as no other client is attached.
            return True
        outlives = self._starter.outlives or self._starter.pid != pulse.engine.pid
        refusal = self._desk.gate.refusal
        if refusal and not outlives:
            self._notices.warn(safe_line(f"{_EMBEDDED_READ_ONLY}; {refusal}"))
            return False
        asked = _ASK_READ_ONLY if refusal else _ASK if outlives else _ASK_EMBEDDED
        text = safe_line(f"{asked.text} ({refusal})" if refusal else asked.text)
        answer = await self._questions.choose(text, {key: key for key in asked.keys})
        if answer not in _MODES:
            return bool(answer)
        return await self._is_meant(_MODES[answer], pulse) and await self._stop(_MODES[answer])

    async def _is_meant(self, mode: StopMode, pulse: Pulse) -> bool:
        """Ask a second time before work of others is ended, with how much that is."""
        if self._desk.gate.refusal or not self._desk.operations.asks_little:
            # It is refused anyway, or the count is asked for before the engine is told.
            return True
        running = pulse.tasks.get("running", 0)
        waiting = sum(pulse.tasks.get(status, 0) for status in ("queued", "retrying", "waiting"))
        runs = f"{running:,} running {'tasks go' if running != 1 else 'task goes'} on to the end"
        if mode is StopMode.STOP:
            runs = (
                f"{running:,} running {'tasks are' if running != 1 else 'task is'} ended and run again later"
            )
        question = (
            f"{mode.capitalize()} the engine for everyone? {runs}, {waiting:,} wait for another engine [y/N]"
        )
        return await self._questions.confirm(safe_line(question))

    async def _take_drain_back(self) -> None:
        if refusal := self._desk.gate.refusal:
            self._notices.warn(refusal)
        elif await self._questions.confirm(_TAKE_BACK):
            try:
                await self._desk.control.resume_engine(actor=ACTOR)
            except TaskdeckError as error:
                self._notices.warn(safe_line(error.message))
            else:
                self._notices.inform(SafeText("the engine starts tasks again"))
                await self._desk.feed.ask_for_all()

    def _announce(self, pulse: Pulse) -> None:
        if pulse.engine is None:
            self._was_lost = self._was_lost or self._known_epoch > 0
            return
        if self._was_lost:
            self._was_lost = False
            self._notices.inform(safe_line(f"an engine is back (process {pulse.engine.pid})"))
        if pulse.foreign and pulse.engine.epoch != self._known_epoch:
            difference = f"the engine is {pulse.foreign}, this console {VERSION}"
            self._notices.warn(safe_line(f"{difference}; E drains it and starts a new one"))
        self._known_epoch = pulse.engine.epoch

    async def _replace(self, pulse: Pulse) -> None:
        if self._desk.gate.refusal:
            self._notices.warn(self._desk.gate.refusal)
            return
        difference = f"The engine is {pulse.foreign}, this console {VERSION}"
        question = safe_line(f"{difference}: drain it, then start a new one? [y/N]")
        if await self._questions.confirm(question):
            self._is_replacing = await self._stop(StopMode.DRAIN) and self._starter is not None

    async def _stop(self, mode: StopMode) -> bool:
        """Stop the engine; False = it was refused, and the engine stays."""
        try:
            if not await self._desk.operations.confirm_change(mode, "the engine"):
                return False
            await self._desk.control.stop_engine(mode, actor=ACTOR)
        except TaskdeckError as error:
            self._notices.warn(safe_line(error.message))
            return not isinstance(error, Conflict)
        return True

    def _start(self, starter: EngineStarter) -> None:
        try:
            starter.start()
            self._desk.feed.starting = starter.lives
        except Unavailable as error:
            self._notices.warn(safe_line(error.message))
