"""What an engine hears is acted on, or it stops.

Used by the engine for its journal.
"""

from __future__ import annotations

from collections.abc import Callable

from core.model.errors import Bug, TaskdeckError
from core.store.batch_report import Report
from core.store.journal import Listener


def heard_or_failed(listener: Listener, fail: Callable[[TaskdeckError], None]) -> Listener:
    """Return a listener whose own error is given to `fail` as `engine.broken`."""

    def hear(report: Report) -> None:
        try:
            listener(report)
        except Exception as error:
            # What was not acted on is known to the store alone: the next engine finds it there.
            what = f"what was committed could not be acted on: {type(error).__name__}: {error}"
            fail(Bug("engine.broken", what, hint="the log names the place; start it another time"))
            raise

    return hear
