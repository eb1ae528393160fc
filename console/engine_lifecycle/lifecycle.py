"""Leaving and coming: what becomes of an engine when the console opens, asks for another one, or ends."""

from __future__ import annotations

from console.desk import Desk
from console.engine_lifecycle.starters import EngineStarter
from console.feed import Pulse
from console.verbs.questions import Asker
from core.control.api import StopMode
from core.model.errors import Conflict, TaskdeckError, Unavailable
from core.model.text import SafeText, safe_line
from core.model.version import VERSION

_WORK = SafeText(
    "Work goes on: d leaves the engine running, n drains it (waits for what runs), s stops it; else stays"
)
_ANSWERS = {"d": "d", "n": "n", "s": "s"}
_WORK_INSIDE = SafeText(
    "Work goes on, and its engine ends with this console: n drains it first, s stops it; else stays"
)
_ANSWERS_INSIDE = {"n": "n", "s": "s"}
_WORK_SHUT = "Work goes on: d leaves the engine running, else stays"
_INSIDE_SHUT = "work goes on, and its engine ends with this console"
_MODES = {"n": StopMode.DRAIN, "s": StopMode.STOP}


class EngineLifecycle:
    """Starts an engine where none is, replaces one of another version, asks what becomes of it."""

    def __init__(self, desk: Desk, asker: Asker, *, starter: EngineStarter | None) -> None:
        self._desk = desk
        self._asker = asker
        self._starter = starter
        self._replacing = False
        self._was_lost = False
        self._known_epoch = 0

    def look(self) -> None:
        """Tell once what became of the engine; start the one that replaces another."""
        self._greet(self._desk.feed.pulse)
        if self._starter is None:
            return
        if self._replacing and self._desk.feed.pulse.engine is None:
            self._replacing = False
            self._start(self._starter)
        self._desk.feed.starting = self._desk.feed.starting and self._starter.lives
        failure = self._starter.failure()
        if failure:
            self._asker.tell(failure, bad=True)

    async def begin(self) -> frozenset[str]:
        """Start an engine if none answers; return the kinds of all that may have changed."""
        kinds = await self._desk.feed.ask_anew()
        if self._desk.feed.pulse.engine is None and self._starter is not None:
            self._start(self._starter)
        return kinds

    async def want(self) -> None:
        """Start an engine if none answers; offer to replace one of another version."""
        await self._desk.feed.ask_anew()
        pulse = self._desk.feed.pulse
        if pulse.engine is None:
            if self._starter is None:
                self._asker.tell(SafeText("this console starts no engine; run 'taskdeck serve'"), bad=True)
            else:
                self._start(self._starter)
        elif not pulse.foreign:
            self._asker.tell(SafeText("an engine is running, of this version"))
        else:
            await self._replace(pulse)

    async def may_leave(self) -> bool:
        """Ask what becomes of an engine that has work, whoever started it; False = the operator stays."""
        await self._desk.feed.ask_anew()
        pulse = self._desk.feed.pulse
        if pulse.engine is None and self._starter is not None:
            # Left before it answered: nobody else knows of it.
            self._starter.call_off()
        if self._starter is None or pulse.engine is None or not pulse.busy:
            # An engine with nothing to do ends by itself, as soon as nobody else watches it either.
            return True
        outlives = self._starter.outlives or self._starter.pid != pulse.engine.pid
        shut = self._desk.gate.shut
        if shut and not outlives:
            self._asker.tell(safe_line(f"{_INSIDE_SHUT}; {shut}"), bad=True)
            return False
        question, answers = (_WORK, _ANSWERS) if outlives else (_WORK_INSIDE, _ANSWERS_INSIDE)
        if shut:
            question, answers = safe_line(f"{_WORK_SHUT} ({shut})"), {"d": "d"}
        answer = await self._asker.choose(question, answers)
        return await self._stop(_MODES[answer]) if answer in _MODES else bool(answer)

    def _greet(self, pulse: Pulse) -> None:
        if pulse.engine is None:
            self._was_lost = self._was_lost or self._known_epoch > 0
            return
        if self._was_lost:
            self._was_lost = False
            self._asker.tell(safe_line(f"an engine is back (process {pulse.engine.pid})"))
        if pulse.foreign and pulse.engine.epoch != self._known_epoch:
            words = f"the engine is {pulse.foreign}, this console {VERSION}; E drains it and starts anew"
            self._asker.tell(safe_line(words), bad=True)
        self._known_epoch = pulse.engine.epoch

    async def _replace(self, pulse: Pulse) -> None:
        if self._desk.gate.shut:
            self._asker.tell(self._desk.gate.shut, bad=True)
            return
        question = f"The engine is {pulse.foreign}, this console {VERSION}: drain it, then start anew? [y/N]"
        if await self._asker.choose(safe_line(question), {"y": "y"}):
            self._replacing = await self._stop(StopMode.DRAIN) and self._starter is not None

    async def _stop(self, how: StopMode) -> bool:
        """End the engine; False = it was not to be, and goes on."""
        try:
            if not await self._desk.operations.sure(how, "the engine"):
                return False
            await self._desk.control.stop_engine(how)
        except TaskdeckError as error:
            self._asker.tell(safe_line(error.message), bad=True)
            return not isinstance(error, Conflict)
        return True

    def _start(self, starter: EngineStarter) -> None:
        try:
            starter.start()
            self._desk.feed.starting = starter.lives
        except Unavailable as error:
            self._asker.tell(safe_line(error.message), bad=True)
