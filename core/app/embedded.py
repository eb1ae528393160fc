"""Embedded: an engine in the console's process, on a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from core.app.engines import serve_quietly
from core.app.options import Options
from core.engine.service import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The loop of the engine, in which it wants to be called, and its life there."""

    loop: asyncio.AbstractEventLoop
    life: asyncio.Task[None]


class Embedded:
    """Start an engine beside the caller's loop; it listens on its socket like any other.

    The end of the process ends it without its grace; its children go on, as they do after a crash.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._place: Future[_Place] = Future()
        self._serving: Future[Engine] = Future()
        self._life: Future[None] = Future()
        # A daemon: who leaves at once does not wait for it.
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    async def start(self) -> None:
        """Return when the engine serves; raise why it does not, such as `Unavailable` (`engine.running`).

        Who is cancelled here calls `stop` and `join`, as ever.
        """
        self._thread.start()
        decided, loop = asyncio.Event(), asyncio.get_running_loop()

        def decide(_: object) -> None:
            # Later than this call only the end is told, when nobody may be there to hear it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(decided.set)

        self._serving.add_done_callback(decide)
        self._life.add_done_callback(decide)
        await decided.wait()
        if self._life.done():
            self._life.result()

    @property
    def draining(self) -> bool:
        """Return whether it waits for what runs, to end then."""
        if not self._serving.done() or self._life.done():
            return False
        return self._serving.result().info().state == "draining"

    def stop(self) -> None:
        """Ask the engine to stop, be it while it starts; nothing if it has ended."""
        if self._thread.is_alive():
            place = self._place.result()
            # Its loop may have closed this very moment.
            with suppress(RuntimeError):
                place.loop.call_soon_threadsafe(self._stop, place.life)

    def join(self) -> None:
        """Return when the engine has ended; raise what made it fail."""
        if self._thread.ident is not None:
            self._thread.join()
            self._life.result()

    def _stop(self, life: asyncio.Task[None]) -> None:
        if self._serving.done():
            self._serving.result().stop()
        else:
            life.cancel()

    def _live(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        life = asyncio.ensure_future(serve_quietly(self._options, ready=self._serving.set_result))
        self._place.set_result(_Place(loop=asyncio.get_running_loop(), life=life))
        await asyncio.wait([life])
        error = None if life.cancelled() else life.exception()
        if error is None:
            self._life.set_result(None)
        else:
            self._life.set_exception(error)
