"""Engines: who starts one when none runs, and what becomes of it when the console leaves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from core.model.errors import Unavailable
from core.model.text import SafeText, safe_line

_TAIL_BYTES = 2_000


_BESIDE = "engine.running"
"""What an engine says that found another one on its home: not a failure of anybody."""


class EngineStarter:
    """Starts `taskdeck serve` in its own session, so that the end of the terminal does not end it."""

    outlives = True
    """Whether the engine can go on when the console leaves."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._argv = list(argv)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False

    @property
    def pid(self) -> int | None:
        """The process that was started, if one was."""
        return None if self._process is None else self._process.pid

    @property
    def lives(self) -> bool:
        """Whether the process that was started has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start an engine, unless the one started before still lives; `Unavailable` (`engine.start`)."""
        if self.lives:
            return
        self._told = False
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            raise Unavailable(
                "engine.start", f"cannot start an engine: {error.strerror}", hint="run 'taskdeck serve'"
            ) from error

    def call_off(self) -> None:
        """Ask the engine that was started to stop, whether it answers yet or not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def failure(self) -> SafeText | None:
        """Return, once, why the engine that was started has ended; None while it lives or if told."""
        if self._process is None or self._told or self._process.poll() is None:
            return None
        self._told = True
        said = self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").splitlines()
        if self._process.returncode == 0 or any(_BESIDE in line for line in said):
            # It had nothing more to do, or another console was faster.
            return None
        # A refusal is followed by its hint; anything else says last what ended it.
        refusal = next((line for line in said if line.startswith("error[")), "")
        why = refusal or (said[-1] if said else f"see {self._log}")
        return safe_line(f"the engine ended (exit {self._process.returncode}): {why}")


class DialedEngine(EngineStarter):
    """Starts nothing: whatever dials the host of the engine starts one there."""

    def __init__(self) -> None:
        super().__init__([], Path(os.devnull))

    def start(self) -> None:
        """Leave it to the next connection."""


class Beside(Protocol):
    """An engine in this process."""

    def stop(self) -> None:
        """Ask it to stop."""


class EmbeddedEngine(EngineStarter):
    """The engine of this process: ours whatever happens, and gone when the console is."""

    outlives = False

    def __init__(self, engine: Beside) -> None:
        super().__init__([], Path(os.devnull))
        self._engine = engine

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def start(self) -> None:
        """Refuse: an engine that ended beside the console is started with the next console."""
        raise Unavailable(
            "engine.embedded",
            "the engine of this console has ended",
            hint="leave, and open the console again",
        )

    def call_off(self) -> None:
        """Ask it to stop."""
        self._engine.stop()
