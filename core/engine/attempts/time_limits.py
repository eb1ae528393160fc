"""Time limits: end attempts that run too long or hang.

Used by the runner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.engine.attempts.attempt import Running, Tools
from core.executors.outputs import STREAMS
from core.logs import get_logger
from core.model.commands.work import AttemptNote, NoteAttempt
from core.model.outcomes import Outcome, TimedOut
from core.model.ports import Handle

LOOKS = 8
"""How often the output of an attempt is looked at within its shortest limit of silence."""
SLEPT = 2
"""Looks that come later than so many times their pause tell of a machine that slept, or a loop that stood."""
_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Limits:
    """What is armed for one attempt."""

    handles: dict[str, Handle] = field(default_factory=dict)

    def cancel(self) -> None:
        """Let nothing of it come any more."""
        for handle in self.handles.values():
            handle.cancel()
        self.handles.clear()


@dataclass(slots=True, kw_only=True)
class _Silence:
    """How much an attempt had written when it was last looked at, and since when it was that much."""

    size: int
    since: int
    looked: int
    told: bool = False


class TimeLimits:
    """Arm the time limits of attempts; the hard ones end them, the soft ones are told in the history."""

    def __init__(
        self, tools: Tools, *, default: float | None, end: Callable[[Running, Outcome], None]
    ) -> None:
        self._tools = tools
        self.default = default
        """Seconds that attempts may take that name no limit; None = as long as they do."""
        self._end = end

    def watch(self, running: Running) -> Limits:
        """Arm what an attempt has of limits, less what it ran already; silence counts from now on."""
        limits, dog = Limits(), running.spec.watchdog
        if (seconds := self._timeout(running)) is not None:
            self._after(limits, "timeout", seconds - running.spent, lambda: self._time_out(running, seconds))
        if dog.soft_timeout_ms:
            left = dog.soft_timeout_ms / 1000 - running.spent
            self._after(limits, "soft", left, lambda: self._tell_slow(running))
        if dog.silence_ms or dog.soft_silence_ms:
            now = self._tools.clock.now()
            quiet = _Silence(size=self._written(running), since=now, looked=now)
            self._look_later(limits, running, quiet)
        return limits

    def _after(self, limits: Limits, name: str, seconds: float, call: Callable[[], None]) -> None:
        limits.handles[name] = self._tools.clock.call_later(max(0.0, seconds), call)

    def _timeout(self, running: Running) -> float | None:
        if running.spec.timeout_ms is None:
            return self.default
        return running.spec.timeout_ms / 1000 or None

    def _time_out(self, running: Running, seconds: float) -> None:
        if running.cause is None:
            self._end(running, TimedOut(after_ms=round(seconds * 1000)))

    def _tell_slow(self, running: Running) -> None:
        if running.cause is None:
            self._note(running, AttemptNote.SLOW, running.spec.watchdog.soft_timeout_ms)

    def _look_later(self, limits: Limits, running: Running, quiet: _Silence) -> None:
        pause = _pause_ms(running) / 1000
        self._after(limits, "silence", pause, lambda: self._look(limits, running, quiet))

    def _look(self, limits: Limits, running: Running, quiet: _Silence) -> None:
        if running.cause is not None:
            return
        now, size, dog = self._tools.clock.now(), self._written(running), running.spec.watchdog
        if size != quiet.size or now - quiet.looked > SLEPT * _pause_ms(running) or running.inline:
            quiet.size, quiet.since, quiet.told = size, now, False
        quiet.looked = now
        silent = now - quiet.since
        if dog.silence_ms and silent >= dog.silence_ms:
            self._end(running, TimedOut(after_ms=dog.silence_ms, silent=True))
            return
        if dog.soft_silence_ms and silent >= dog.soft_silence_ms and not quiet.told:
            quiet.told = True
            self._note(running, AttemptNote.SILENT, dog.soft_silence_ms)
        self._look_later(limits, running, quiet)

    def _written(self, running: Running) -> int:
        return sum(self._tools.children.outputs.size(running.ref, stream) for stream in STREAMS)

    def _note(self, running: Running, kind: AttemptNote, after_ms: int) -> None:
        with running.logged():
            _log.warning("an attempt is past a soft limit", kind=kind, after_ms=after_ms)
        ref = running.ref
        self._tools.completion.note_attempt(
            NoteAttempt(task_id=ref.task_id, epoch=ref.epoch, kind=kind, data={"after_ms": after_ms})
        )


def _pause_ms(running: Running) -> int:
    dog = running.spec.watchdog
    least = min(filter(None, (dog.silence_ms, dog.soft_silence_ms)))
    return max(least // LOOKS, 1)
