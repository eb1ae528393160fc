"""Gate: whether changes are allowed now, and for how long.

Used by the guarded control and the app.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeAlias

from console.feed import Feed
from console.verbs.questions import Notices, Questions
from console.verbs.tiers import BOUNDED
from core.model.errors import Conflict
from core.model.text import SafeText, safe_line

ARMED_SECONDS = 300.0
"""For how long changes are armed."""
WRITABLE = SafeText("")
"""The console may change things."""
READ_ONLY = SafeText("this console is read-only: leave, and open it without --read-only")
OF_BUNDLE = SafeText("this is a bundle: it shows what was, and nothing of it can be changed")
PROTECTED = SafeText("protected: W arms changes for 5 minutes")
Clock: TypeAlias = Callable[[], float]
"""A monotonic clock, in seconds."""


class Gate:
    """Lets changes through or refuses them: always, or on a protected engine until they are armed.

    `read_only` = why this console changes nothing, whatever the engine allows; `WRITABLE` = it may.
    """

    def __init__(self, feed: Feed, *, read_only: SafeText = WRITABLE, clock: Clock = time.monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._armed_until = -math.inf
        self.read_only = read_only

    @property
    def armed_seconds(self) -> int:
        """For how many seconds more changes are armed; 0 = they are not."""
        return math.ceil(max(0.0, self._armed_until - self._clock()))

    @property
    def refusal(self) -> SafeText:
        """Why nothing can be changed now; '' = it can, or it is not known yet."""
        return self.refusal_on(is_protected=self._feed.protected is True)

    @property
    def status_word(self) -> SafeText:
        """The word for the status bar."""
        if self.refusal:
            return SafeText("READ-ONLY")
        left = self.armed_seconds
        return safe_line(f"WRITE {left // 60:02}:{left % 60:02}") if left else SafeText("")

    def refusal_on(self, *, is_protected: bool) -> SafeText:
        """Return why nothing can be changed on such an engine now; '' = it can."""
        return self.read_only or (PROTECTED if is_protected and not self.armed_seconds else SafeText(""))

    def bounded(self) -> int:
        """Return how many targets one key may confirm: none where changes had to be armed."""
        return 0 if self.armed_seconds else BOUNDED

    def arm(self) -> None:
        self._armed_until = self._clock() + ARMED_SECONDS

    def disarm(self) -> None:
        self._armed_until = -math.inf


class Arming:
    """Asks before it arms changes on a protected engine; disarms at once."""

    def __init__(
        self, gate: Gate, feed: Feed, *, questions: Questions, notices: Notices, host: str = ""
    ) -> None:
        self._gate = gate
        self._feed = feed
        self._questions = questions
        self._notices = notices
        self._host = host

    async def toggle(self) -> None:
        """Disarm changes that are armed; arm those of a protected engine, unless the console is read-only."""
        engine = self._feed.pulse.engine
        if self._gate.read_only:
            self._notices.warn(self._gate.read_only)
        elif self._gate.armed_seconds:
            self._gate.disarm()
            self._notices.inform(SafeText("read-only again"))
        elif engine is None:
            self._notices.warn(SafeText("nothing to arm: no engine answers"))
        elif not engine.protected:
            told = "nothing to arm: this home is not protected, changes are always possible"
            self._notices.inform(SafeText(told))
        else:
            where = f"{engine.home} on {self._host}" if self._host else engine.home
            question = safe_line(f"{where} is protected: arm changes for 5 minutes? [y/N]")
            if await self._questions.confirm(question):
                self._gate.arm()


def change_refused(reason: SafeText) -> Conflict:
    return Conflict("console.read_only", reason)
