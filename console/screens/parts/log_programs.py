"""LogPrograms: shows an output in $PAGER or $EDITOR.

Owned by the log screen. An output on another machine is fetched first.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from console.background import finish_in_thread
from console.desk import Desk
from console.screens.base import DeskScreen
from console.screens.parts.log_reader import LogReader
from console.screens.parts.terminal_programs import run_program
from core.files.kinds import is_file
from core.model.text import SafeText, safe_line
from core.render.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

FETCH = "program"
"""The group of the work that fetches an output and shows it."""
PAGERS = ("less", "more")
EDITORS = ("vi", "nano")
"""What is looked for where the variables name nothing."""
MOST = 2_147_483_648
"""Bytes of an output of another machine that are fetched for a program."""
_SPARE = 67_108_864
"""Bytes that are left free where the copy is written: others write there too."""
_CHUNK = 1_048_576


def pager() -> list[str]:
    """Return the command that shows a file, [] = there is none."""
    return _command(("PAGER",), PAGERS)


def editor() -> list[str]:
    """Return the command that edits a file, [] = there is none."""
    return _command(("VISUAL", "EDITOR"), EDITORS)


class LogPrograms:
    """Gives the terminal to a program until that ends."""

    def __init__(self, screen: DeskScreen, desk: Desk, reader: LogReader, *, task_id: int) -> None:
        self._screen = screen
        self._desk = desk
        self._reader = reader
        self._task_id = task_id
        self.words = ""
        """How much of an output on another machine is here, while it is fetched."""

    def why_not(self, action: str) -> SafeText:
        """Say why no program can be shown now; '' = it can."""
        if action in ("pager", "editor") and not self._reader.facts.size:
            return SafeText("it has no output yet")
        if action == "pager" and not pager():
            return SafeText("no pager is known: set PAGER")
        if action == "editor" and self._desk.gate.refusal:
            return SafeText("read-only: | shows the output in the pager")
        if action == "editor" and not editor():
            return SafeText("no editor is known: set EDITOR")
        return SafeText("")

    def show_in_pager(self) -> None:
        self._screen.begin(partial(self._show, pager()), group=FETCH, exclusive=True)

    def open_in_editor(self) -> None:
        self._screen.begin(partial(self._show, editor()), group=FETCH, exclusive=True)

    async def _show(self, command: Sequence[str]) -> None:
        path = Path(self._reader.facts.path)
        if not self._desk.host and is_file(path):
            said = run_program(self._screen.app, [*command, str(path)])
        else:
            said = await self._show_copy(command)
        if said:
            self._screen.tell(said, severity="error")

    async def _show_copy(self, command: Sequence[str]) -> SafeText:
        """Fetch the output into a file that is removed afterwards, and show that; return what went wrong."""
        size = self._reader.facts.size
        try:
            with _folder() as folder:
                room = shutil.disk_usage(folder).free - _SPARE
                if size > min(room, MOST):
                    limit = f"{folder.parent} has room for {size_text(max(0, room))}"
                    why = limit if room < MOST else f"at most {size_text(MOST)} are fetched"
                    return safe_line(
                        f"not fetched: the output has {size_text(size)}, {why}; Ctrl+E writes it"
                    )
                copy = folder / f"task-{self._task_id}-attempt-{self._reader.facts.epoch}.log"
                await self._fetch(copy)
                return run_program(self._screen.app, [*command, str(copy)])
        except OSError as error:
            # The folder is removed by now, with what was fetched.
            return safe_line(f"not fetched: {error.strerror or error} (TMPDIR names another place)")

    async def _fetch(self, path: Path) -> None:
        facts, stream = self._reader.facts, self._reader.stream
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                offset = 0
                while offset < facts.size:
                    # Before the first part comes, too: a host may be slow.
                    self.words = f"fetched {size_text(offset)} of {size_text(facts.size)} (Esc stops)"
                    self._screen.show_status()
                    chunk = await self._desk.control.logs.chunk(
                        self._task_id, epoch=facts.epoch, offset=offset, limit=_CHUNK, stream=stream
                    )
                    if chunk.end <= offset:
                        break
                    # What is missing over the limit stays a hole.
                    file.seek(chunk.offset)
                    await finish_in_thread(partial(file.write, chunk.data))
                    offset = chunk.end
        finally:
            self.words = ""


def _command(variables: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in variables:
        try:
            words = shlex.split(os.environ.get(name, ""))
        except ValueError:
            words = []
        if words:
            return words
    return next(([name] for name in known if shutil.which(name)), [])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="taskdeck-") as name:
        yield Path(name)
