"""Embedded: an engine in the console's process, on a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from core.app.engines import serve_quietly
from core.app.options import Options
from core.engine.service import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """The engine and its loop, in which it wants to be called."""

    loop: asyncio.AbstractEventLoop
    engine: Engine


class Embedded:
    """Start an engine beside the caller's loop; it listens on its socket like any other.

    The end of the process ends it without its grace; its children go on, as they do after a crash.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._running: Future[_Running] = Future()
        self._life: Future[None] = Future()

    def start(self) -> None:
        """Return when the engine serves; raise why it does not, such as `Unavailable` (`engine.running`)."""
        self._life = self._threads.submit(self._live)
        decided = threading.Event()
        self._running.add_done_callback(lambda _: decided.set())
        self._life.add_done_callback(lambda _: decided.set())
        decided.wait()
        if self._life.done():
            self._life.result()

    @property
    def draining(self) -> bool:
        """Return whether it waits for what runs, to end then."""
        if not self._running.done() or self._life.done():
            return False
        return self._running.result().engine.info().state == "draining"

    def stop(self) -> None:
        """Ask the engine to stop, if it has not ended."""
        if self._running.done() and not self._life.done():
            running = self._running.result()
            # Its loop may have closed this very moment.
            with suppress(RuntimeError):
                running.loop.call_soon_threadsafe(running.engine.stop)

    def join(self) -> None:
        """Return when the engine has ended; raise what made it fail."""
        self._threads.shutdown()
        self._life.result()

    def _live(self) -> None:
        asyncio.run(serve_quietly(self._options, ready=self._serves))

    def _serves(self, engine: Engine) -> None:
        self._running.set_result(_Running(loop=asyncio.get_running_loop(), engine=engine))
