"""OutputProcess: sizes and removes files of attempts for its engine.

Used by `Outputs`, in threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from core.executors import output_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.model.ports import AttemptRef

_PROGRAM = Path(output_files.__file__)
Three: TypeAlias = tuple[int, int, int]


class OutputProcess:
    """Starts when it is first asked, and once more where it ended: by itself, after a while without work."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def remove(self, refs: Sequence[AttemptRef]) -> list[Three]:
        """Remove plain attempts; return task, bytes freed and state of each (`remove_plain`).

        Raises `OSError` where no process can be had; some may be gone then.
        """
        with self._lock:
            answer = self._ask(["remove", refs], may_start=True)
        return answer or []

    def walk(self) -> Iterator[list[Three]]:
        """Yield task, epoch and bytes of the attempts of all tasks, in parts; others may ask in between.

        Raises `OSError` where no process can be had, or when it is gone before the end.
        """
        first = True
        while True:
            with self._lock:
                found = self._ask(["walk", first], may_start=first)
            if found is None:
                return
            yield found
            first = False

    def reap(self) -> None:
        """Take leave of a process that has ended."""
        if self._process is not None and self._lock.acquire(blocking=False):
            try:
                self._forget_ended()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End it; it may be started again."""
        with self._lock:
            self._end()

    def _ask(self, request: list[object], *, may_start: bool) -> list[Three] | None:
        line = json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n"
        process = self._forget_ended()
        if process is None:
            if not may_start:
                raise ChildProcessError("the process that walked through outputs is gone")
            process = self._process = self._start()
        try:
            return _answer(process, line)
        except (OSError, ValueError) as error:
            process.kill()
            self._end()
            raise ChildProcessError("the process that works on outputs is gone") from error

    def _forget_ended(self) -> subprocess.Popen[bytes] | None:
        """Return the process that runs."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_PROGRAM), str(self._root)],
            cwd="/",
            env={name: value for name, value in os.environ.items() if name.startswith("LD_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What it did not read may still be in the buffer.
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _answer(process: subprocess.Popen[bytes], line: bytes) -> list[Three] | None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    answer: list[Three] | None = json.loads(process.stdout.readline())
    return answer
