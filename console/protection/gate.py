"""Protection: whether changes may be asked for now, and for how long still; decisions alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeAlias

from console.feed import Feed
from console.verbs.tiers import BOUNDED
from core.model.errors import Conflict
from core.model.text import SafeText, safe_line

ARMED_SECONDS = 300.0
"""For how long changes are armed."""
ANY = SafeText("")
"""No reason why a console should change nothing."""
READ_ONLY = SafeText("this console is read-only: leave, and open it without --read-only")
PROTECTED = SafeText("protected: W arms changes for 5 minutes")
Clock: TypeAlias = Callable[[], float]
"""Seconds that only ever rise."""


class Gate:
    """Lets changes through, or says why not: for ever, or on a protected engine until they are armed.

    `never` = why this console changes nothing, whatever the engine says; `ANY` = it may.
    """

    def __init__(self, feed: Feed, *, never: SafeText = ANY, clock: Clock = time.monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._until = -math.inf
        self.never = never

    @property
    def seconds(self) -> int:
        """Return for how many seconds more changes are armed; 0 = they are not."""
        return math.ceil(max(0.0, self._until - self._clock()))

    @property
    def shut(self) -> SafeText:
        """Say why nothing can be changed now; '' = it can, or nobody knows yet."""
        return self.shut_on(is_protected=self._feed.protected is True)

    @property
    def word(self) -> SafeText:
        """Return the word of the status bar."""
        if self.shut:
            return SafeText("READ-ONLY")
        left = self.seconds
        return safe_line(f"WRITE {left // 60:02}:{left % 60:02}") if left else SafeText("")

    def shut_on(self, *, is_protected: bool) -> SafeText:
        """Say why nothing can be changed on such an engine now; '' = it can."""
        return self.never or (PROTECTED if is_protected and not self.seconds else SafeText(""))

    def bounded(self) -> int:
        """Return how many targets one key may confirm: none where changes had to be armed."""
        return 0 if self.seconds else BOUNDED

    def arm(self) -> None:
        """Let changes through for a while."""
        self._until = self._clock() + ARMED_SECONDS

    def disarm(self) -> None:
        """Let no more through."""
        self._until = -math.inf


def refusal(reason: SafeText) -> Conflict:
    """Return the refusal of a change that did not come through."""
    return Conflict("console.read_only", reason)
