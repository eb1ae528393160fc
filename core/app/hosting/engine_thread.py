"""An engine on its own thread, for the console.

Started by the console's embedded session.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from core.app.hosting.engine_loop import run_on_engine_loop
from core.app.hosting.hosts import serve_embedded
from core.app.options import Options
from core.app.signals import give_children_default_signals
from core.engine.service import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class _Serving:
    """The loop of the engine's thread, in which it has to be called, and its task there."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[None]


class EngineThread:
    """Start an engine beside the caller's loop; it listens on its socket like any other.

    If the process is killed, its children go on, as they do after any crash.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._serving: Future[_Serving] = Future()
        self._ready: Future[Engine] = Future()
        self._ended: Future[None] = Future()
        # A daemon: a process that ends at once does not wait for it.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    async def start(self) -> None:
        """Return when the engine serves; raise why it does not, such as `Unavailable` (`engine.running`).

        A caller that is cancelled here has to call `stop` and `join` all the same.
        """
        give_children_default_signals()
        self._thread.start()
        decided, loop = asyncio.Event(), asyncio.get_running_loop()

        def decide(_: object) -> None:
            # After this call only the end is reported, and the caller's loop may be closed by then.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(decided.set)

        self._ready.add_done_callback(decide)
        self._ended.add_done_callback(decide)
        await decided.wait()
        if self._ended.done():
            self._ended.result()

    @property
    def is_draining(self) -> bool:
        """Whether it waits for what runs, to end then."""
        if not self._ready.done() or self._ended.done():
            return False
        return self._ready.result().info().state == "draining"

    def stop(self) -> None:
        """Ask the engine to stop, also while it starts; nothing if it has ended."""
        if self._thread.is_alive():
            serving = self._serving.result()
            # Its loop may have closed this very moment.
            with suppress(RuntimeError):
                serving.loop.call_soon_threadsafe(self._stop, serving.task)

    def join(self) -> None:
        """Return when the engine has ended; raise what made it fail."""
        if self._thread.ident is not None:
            self._thread.join()
            self._ended.result()

    def _stop(self, task: asyncio.Task[None]) -> None:
        if self._ready.done():
            self._ready.result().stop(reason="the console was left")
        else:
            task.cancel()

    def _run(self) -> None:
        run_on_engine_loop(self._serve())

    async def _serve(self) -> None:
        task = asyncio.ensure_future(serve_embedded(self._options, ready=self._ready.set_result))
        self._serving.set_result(_Serving(loop=asyncio.get_running_loop(), task=task))
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)
