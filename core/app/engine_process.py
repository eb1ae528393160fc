"""An engine as a process of its own: its argv, its start.

Called by `attach`, by `dial-stdio` and by the console's attached session.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.control.error_forms import error_from_json, error_to_json
from core.files.kinds import exists
from core.model.errors import TaskdeckError, Unavailable
from core.model.paths import ensure_home
from core.model.surroundings import OF_TASKS
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject

LOG = "detached.log"
"""Where its standard output and error go, in `logs/`."""
_TAIL_BYTES = 2_000
_LOG_BYTES = 1_048_576
_REPORT_BYTES = 65_536
_ENTRY = Path(__file__).absolute().parents[2] / "_taskdeck.py"


def program() -> list[str]:
    """Return the command line of this very taskdeck, to which its arguments are added."""
    # By its path: a name would be looked for in PYTHONPATH first. -P: and its folder must not stand
    # before the standard library.
    return [sys.executable, "-P", str(_ENTRY)]


def engine_argv(home: Path, flags: Sequence[str] = ()) -> list[str]:
    """Return the command line of an engine that ends when no client needs it any more."""
    return [*program(), "serve", "--until-idle", "--home", str(home), *flags]


@dataclass(slots=True, kw_only=True)
class StartingEngine:
    """An engine process that was started, and the pipe on which it says how its start went."""

    process: subprocess.Popen[bytes]
    log: Path
    is_over: bool = False
    """Whether all is said: it serves, or will not."""
    _pipe: int
    _rest: bytes = b""
    _outcome: JsonObject | None = None

    def fileno(self) -> int:
        """Return what becomes readable when the engine has said something, or has ended."""
        return self._pipe

    def read(self) -> list[SafeText]:
        """Read what there is, or wait for it; return the steps that it tells of."""
        part = os.read(self._pipe, _REPORT_BYTES)
        *lines, self._rest = (self._rest + part).split(b"\n")
        steps = []
        for notice in map(_decoded, lines):
            if "step" in notice:
                steps.append(safe_line(str(notice["step"])))
            else:
                self._outcome = notice
        self.is_over = not part or self._outcome is not None
        return steps

    def check(self) -> None:
        """Return if it serves, as it has said; raise why it does not, such as `engine.running`."""
        if self._outcome is not None and "error" in self._outcome:
            raise error_from_json(self._outcome)
        if self._outcome is not None:
            return
        with suppress(subprocess.TimeoutExpired):
            # Its end of the pipe is closed: it is ending, or has ended.
            self.process.wait(1.0)
        raise Unavailable(
            "engine.start",
            f"the engine did not start (exit {self.process.poll()}): {last_line(self.log)}",
            hint=f"see {safe_line(str(self.log))}",
            facts={"exit": self.process.poll(), "log": str(self.log)},
        )

    def call_off(self) -> None:
        """Ask it to end in order, before it serves or after."""
        self.process.terminate()

    def close(self) -> None:
        """Listen no longer: until then an engine that serves waits for this client."""
        os.close(self._pipe)


def spawn_engine(home: Path, flags: Sequence[str] = ()) -> StartingEngine:
    """Start an engine in a session of its own and return at once; raise `Unavailable` (`engine.start`)."""
    log = ensure_home(home).logs / LOG
    reading, writing = os.pipe()
    try:
        with log.open("ab") as stream:
            if stream.tell() > _LOG_BYTES:
                stream.truncate(0)
            process = subprocess.Popen(
                [*engine_argv(home, flags), "--notify-fd", str(writing)],
                # Started from a task, it is not part of it: no kill of that task may find it.
                env={name: text for name, text in os.environ.items() if name not in OF_TASKS},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=(writing,),
                start_new_session=True,
            )
    except OSError as error:
        os.close(reading)
        raise Unavailable(
            "engine.start",
            f"cannot start an engine: {error.strerror}",
            hint="run 'taskdeck serve'",
            facts={"reason": error.strerror or ""},
        ) from error
    finally:
        os.close(writing)
    return StartingEngine(process=process, log=log, _pipe=reading)


def last_line(log: Path) -> SafeText:
    """Return the last line that an engine wrote to its log, its hint apart, or where the log is."""
    tail = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").split("\n") if exists(log) else []
    lines = [line for line in tail if line.strip() and not line.startswith("hint: ")]
    return safe_line(lines[-1] if lines else f"see {log}")


class StartNotice:
    """In the engine that was started: tells the process that started it how that goes."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            # Tasks would hold it open, and the other end would wait for them.
            os.set_inheritable(descriptor, False)  # noqa: FBT003

    def step(self, line: str) -> None:
        """Tell of something that takes long."""
        self._send({"step": line})

    def serves(self) -> None:
        """Tell that the engine serves."""
        self._send({"ready": os.getpid()})

    def refused(self, error: TaskdeckError) -> None:
        """Tell why it does not, unless it did serve before."""
        self._send(error_to_json(error))
        self._close()

    def is_heard(self) -> bool:
        """Whether the process that started it still listens: it is not connected yet."""
        if self._descriptor is None:
            return False
        poll = select.poll()
        poll.register(self._descriptor, 0)
        if poll.poll(0):
            # The other end is closed.
            self._close()
        return self._descriptor is not None

    def _send(self, notice: JsonObject) -> None:
        # The one that started it may be gone by now: the engine serves the clients that come.
        with suppress(OSError):
            if self._descriptor is not None:
                os.write(self._descriptor, json.dumps(notice).encode() + b"\n")

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _decoded(line: bytes) -> JsonObject:
    notice = json.loads(line)
    return notice if isinstance(notice, dict) else {}
