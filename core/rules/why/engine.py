"""Decide what of the engine keeps tasks back.

Called with the reasons of a task.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.waits import EngineFacts, Reason, WaitCode


def engine_reasons(engine: EngineFacts) -> Iterator[Reason]:
    """Return why the engine claims nothing, each reason apart; none while it does claim."""
    match engine.state:
        case "none":
            yield Reason(
                code=WaitCode.NO_ENGINE,
                short="an engine",
                text="no engine is running",
                ends="'taskdeck serve', or E in the console",
            )
        case "silent":
            yield Reason(
                code=WaitCode.SILENT,
                short="silent engine",
                text="the engine of this store does not answer: whether it claims is not known",
                ends="see its log, or end its process and start another: 'taskdeck serve'",
            )
        case "stopping":
            yield Reason(
                code=WaitCode.STOPPING,
                short="next engine",
                text="the engine is stopping and begins nothing",
                ends="the next engine: 'taskdeck serve'",
            )
        case "draining":
            yield Reason(
                code=WaitCode.DRAINING,
                short="next engine",
                text="the engine drains: it ends when nothing runs, and begins nothing",
                ends="'taskdeck resume --engine' takes the drain back; else the next engine",
            )
        case _:
            pass
    for closed in engine.closed:
        yield Reason(
            code=WaitCode.CLOSED,
            short=closed.code,
            text=f"nothing is claimed: {closed.message}",
            ends=closed.hint or "the end of that trouble: it is tried again by itself",
            since=closed.since,
            until=closed.until,
        )
