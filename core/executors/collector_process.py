"""CollectorProcess: the process that collects output, started by its engine.

Used by `ChildExecutor`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from core.executors.output_collector import FORM
from core.executors.spawning import Stdio, reap
from core.model.errors import MachineShort
from core.model.shortages import shortage

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = str(Path(__file__).parent)
_PROGRAM = "import sys; sys.path.append(sys.argv.pop(1)); import output_collector; output_collector.main()"
"""As a module it is compiled already: this process has imported it."""
_HINT = "check memory, `ulimit -n` and `ulimit -u`"


@dataclass(slots=True)
class CollectorProcess:
    """Start one collector when the first attempt needs it, and another should it die.

    It outlives the engine for as long as a pipe is open.
    """

    pid: int = 0
    """Of the collector that runs; 0 = none was needed yet."""
    _control: socket.socket | None = None
    _ended: list[int] = field(default_factory=list)
    """Pids to be reaped: those of collectors that were given up."""

    def collect(
        self, directory: Path, names: Sequence[str], *, cap: int, masks: Sequence[bytes] = ()
    ) -> Stdio:
        """Let the files of these names be filled; return what the wrapper gets, to be closed by the caller.

        One name: stdout and stderr share a pipe. Two: one for each. `masks` are forms of secrets, which no
        file shall hold. Raises `MachineShort`.
        """
        with ExitStack() as kept:
            try:
                asking, answering = socket.socketpair()
                kept.callback(answering.close)
                stdio = Stdio(asking=asking.detach())
                undo = kept.enter_context(ExitStack())
                undo.callback(stdio.close)
                given = [answering.fileno()]
                for name in names:
                    source, sink = os.pipe()
                    stdio.sinks.append(sink)
                    kept.callback(os.close, source)
                    file = os.open(directory / name, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
                    kept.callback(os.close, file)
                    given += [source, file]
                if masks:
                    given.append(_in_memory(masks))
                    kept.callback(os.close, given[-1])
                self._send(f"{cap} ".encode("ascii") + os.fsencode(directory), given)
                undo.pop_all()
            except OSError as error:
                message = f"the output cannot be collected: {error.strerror}"
                raise shortage(error) or MachineShort("process.output", message, hint=_HINT) from error
        return stdio

    def close(self) -> None:
        """Let it end when its last pipe is closed."""
        if self._control is not None:
            self._control.close()
            self._control = None
            self._ended.append(self.pid)
        self._reap()

    def _send(self, text: bytes, descriptors: Sequence[int]) -> None:
        control = self._control or self._start()
        try:
            _hand_over(control, text, descriptors)
        except (BrokenPipeError, ConnectionResetError):
            self.close()
            _hand_over(self._start(), text, descriptors)

    def _start(self) -> socket.socket:
        self._reap()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        "-B",
                        "-c",
                        _PROGRAM,
                        _FOLDER,
                        *_folder_of("ahocorasick_rs"),
                    ],
                    cwd="/",
                    # What its interpreter may need to load; nothing that marks it as part of a task.
                    env={name: value for name, value in os.environ.items() if name.startswith("LD_")},
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        # Never waited for: it may live longer than the engine. Popen would warn about that.
        process.returncode = 0
        # A full socket is a shortage, and must not hold the loop.
        ours.settimeout(0)
        self._control, self.pid = ours, process.pid
        return ours

    def _reap(self) -> None:
        self._ended = [pid for pid in self._ended if reap(pid) is None]


def _folder_of(library: str) -> tuple[str, ...]:
    """Return where a library is that need not be installed; empty where it is not."""
    found = find_spec(library)
    return () if found is None or found.origin is None else (str(Path(found.origin).parents[1]),)


def _in_memory(masks: Sequence[bytes]) -> int:
    """Return a descriptor of these forms of secrets, which no disk ever has."""
    descriptor = os.memfd_create("masks")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        for mask in masks:
            file.write(FORM.pack(len(mask)) + mask)
    return descriptor


def _hand_over(control: socket.socket, text: bytes, descriptors: Sequence[int]) -> None:
    try:
        socket.send_fds(control, [text], descriptors)
    except BlockingIOError as error:
        message = "the collector of outputs takes no more attempts at present"
        raise MachineShort("process.output", message, hint=_HINT) from error
