"""Starters: ways to start an engine, and to stop it on leaving.

Made by the console's sessions; used by the lifecycle.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from core.model.errors import Unavailable
from core.model.text import SafeText, safe_line

_TAIL_BYTES = 2_000
_OTHER_OWNER = "engine.running"
"""The code of an engine that found another one on its home: the console attaches to that one."""


class EngineStarter(Protocol):
    """Starts an engine where none runs, and knows the one it started."""

    @property
    def outlives(self) -> bool:
        """Whether the engine can go on when the console leaves."""

    @property
    def pid(self) -> int | None:
        """The process of the engine that was started, if one was."""

    @property
    def lives(self) -> bool:
        """Whether the process that was started has not ended."""

    def start(self) -> None:
        """Start an engine, unless the one started before still lives; raise `Unavailable`."""

    def call_off(self) -> None:
        """Ask the engine that was started to stop, whether it answers yet or not."""

    def failure(self) -> SafeText | None:
        """Return, once, why the engine that was started has ended; None while it lives."""


class SpawnedEngine:
    """Starts `taskdeck serve` in its own session, so that the end of the terminal does not end it."""

    outlives = True

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._argv = list(argv)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._is_reported = False

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
        self._is_reported = False
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            raise Unavailable(
                "engine.start",
                f"cannot start an engine: {error.strerror}",
                hint="run 'taskdeck serve'",
                facts={"reason": error.strerror or ""},
            ) from error

    def call_off(self) -> None:
        """Ask the engine that was started to stop, whether it answers yet or not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def failure(self) -> SafeText | None:
        """Return, once, why the engine that was started has ended; None if it had no more work."""
        if self._process is None or self._is_reported or self._process.poll() is None:
            return None
        self._is_reported = True
        lines = self._log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").splitlines()
        if self._process.returncode == 0 or any(_OTHER_OWNER in line for line in lines):
            return None
        if self._process.returncode < 0:
            # It had no time for last words.
            number = -self._process.returncode
            return safe_line(f"the engine was ended by signal {number} ({signal.strsignal(number)})")
        # A refusal is followed by its hint; any other failure has its reason in the last line.
        refusal = next((line for line in lines if line.startswith("error[")), "")
        why = refusal or (lines[-1] if lines else f"see {self._log}")
        return safe_line(f"the engine ended (exit {self._process.returncode}): {why}")


class DialedEngine:
    """Starts nothing: the next connection to a remote host starts an engine there."""

    outlives = True
    pid = None
    lives = False

    def start(self) -> None:
        """Do nothing."""

    def call_off(self) -> None:
        """Do nothing."""

    def failure(self) -> None:
        return


class Stoppable(Protocol):
    """An engine in this process."""

    def stop(self) -> None:
        """Ask it to stop."""


class EmbeddedEngine:
    """The engine of this process: it always ends with the console."""

    outlives = False
    lives = False

    def __init__(self, engine: Stoppable) -> None:
        self._engine = engine

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def start(self) -> None:
        """Refuse: an embedded engine that has ended is only replaced by opening the console again."""
        raise Unavailable(
            "engine.embedded",
            "the engine of this console has ended",
            hint="leave, and open the console again",
        )

    def call_off(self) -> None:
        """Ask it to stop."""
        self._engine.stop()

    def failure(self) -> None:
        """Return None: what ends it is raised in this process."""
        return
