"""taskdeck's adapter for the peer harness.

Tasks are loaded while no engine runs, then run by `taskdeck serve`.

The harness calls `reset`, `enqueue_one`, `enqueue_bulk`, `done`, `fan` and starts `worker_argv`; the
rest of its contract are the constants. Every attempt and event is kept, every commit is synced.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.connectors.registry import load
from core.model.errors import Unavailable
from core.model.status import TASK_FINAL

if TYPE_CHECKING:
    from core.app.deck import Deck
    from core.model.values import JsonObject

N, N_ONE, N_LAT, N_FAN = 5000, 500, 67, 1000
SLOTS = int(os.environ.get("TASKDECK_SLOTS", "250"))
CONFIG = f"taskdeck serve --connector mark:Mark --slots {SLOTS}; synchronous=FULL, attempts and events kept"
HERE = os.environ.get("TASKDECK_BENCH") or str(Path(__file__).resolve().parent)
"""Where the connector `mark` is; the harness may run a copy of this file."""
HOME = Path(os.environ["BENCH_DIR"]) / "taskdeck"
READY_SECONDS = 20.0

_opened = AsyncExitStack()
_deck: Deck | None = None
_serving = False


async def deck() -> Deck:
    """Return the deck: of an engine of our own that claims nothing, or of the one that is served."""
    global _deck
    if _deck is None:
        _deck = await (_attached() if _serving else _preloading())
    return _deck


async def close() -> None:
    """Leave the deck, so that another process may own the store."""
    global _deck
    _deck = None
    await _opened.aclose()


async def reset() -> None:
    """Begin with an empty store; called while no engine is served."""
    await close()
    shutil.rmtree(HOME, ignore_errors=True)


async def enqueue_one(index: int) -> int:
    """Admit one mark; return the id of its task."""
    return await (await deck()).enqueue(_mark(index))


async def enqueue_bulk(number: int) -> list[int]:
    """Admit marks 0 to `number` - 1 in one commit; return the ids in order."""
    ids = await (await deck()).enqueue_many([_mark(index) for index in range(number)])
    if not _serving:
        await close()
    return list(ids)


async def done(task_id: int) -> bool:
    """Tell whether the result of a task can be read."""
    task = (await (await deck()).control.task(task_id)).task
    return task.status in TASK_FINAL


async def fan(number: int) -> None:
    """Submit one job: root, then `number` marks, then a sink with the mark -1."""
    await (await deck()).submit(fan_document(number))


def fan_document(number: int) -> JsonObject:
    """Return the workflow root -> `number` marks -> sink as parsed."""
    leaves = [f"leaf_{index}" for index in range(number)]
    return {
        "name": "fan",
        "tasks": [
            {"key": "root", "uses": "delay", "with": {"seconds": 0}},
            *({"key": key, "needs": ["root"], **_uses(index)} for index, key in enumerate(leaves)),
            {"key": "sink", "needs": list(leaves), **_uses(-1)},
        ],
    }


def worker_argv() -> list[str]:
    """Return the command that serves the preloaded store."""
    global _serving
    _serving = True
    serve = ["-m", "console.launch", "serve", "--home", str(HOME), "--slots", str(SLOTS)]
    return ["env", f"PYTHONPATH={HERE}", sys.executable, *serve, "--connector", "mark:Mark"]


async def _preloading() -> Deck:
    sys.path.append(HERE)
    engine = core.open_engine(home=HOME, connectors=[load("mark:Mark")], dispatch=False)
    return await _opened.enter_async_context(engine)


async def _attached() -> Deck:
    attached = await _opened.enter_async_context(core.connect(home=HOME))
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            await attached.control.status()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)
        else:
            return attached


def _mark(index: int) -> core.TaskSpec:
    return core.TaskSpec(uses="mark", with_={"index": index})


def _uses(index: int) -> JsonObject:
    return {"uses": "mark", "with": {"index": index}}
