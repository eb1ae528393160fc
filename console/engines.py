"""Engines: start one as a process of its own when none runs on this home."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from core.model.errors import Unavailable
from core.model.text import SafeText, safe_line

_TAIL_BYTES = 2_000


class EngineStarter:
    """Starts `taskdeck serve` in its own session, so that the end of the terminal does not end it."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._argv = list(argv)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False

    @property
    def pid(self) -> int | None:
        """The process that was started, if one was."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start an engine, unless the one started before still lives; `Unavailable` (`engine.start`)."""
        if self._process is not None and self._process.poll() is None:
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
        last = said[-1] if said else f"see {self._log}"
        return safe_line(f"the engine ended (exit {self._process.returncode}): {last}")
