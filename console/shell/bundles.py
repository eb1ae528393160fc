"""Bundles of jobs, written beside the screens.

Owned by the app.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from textual.app import App
from textual.worker import Worker

from console.background import finish_in_thread, sentence_of, start
from console.desk import Desk
from console.dialogs.confirm import ConfirmDialog
from console.exports.bundle_order import BundleOrder, BundleWriter
from console.exports.export_file import is_taken
from console.newjob.documents import working_folder
from console.screens.base import DeskScreen
from console.verbs.questions import Notices
from console.widgets.line_dialog import LineDialog
from core.model.errors import Invalid, TaskdeckError
from core.model.text import SafeText, safe_line
from core.model.views import JobView

_NONE_HERE = SafeText("no job here to bundle: choose one, or mark some with Space")
_OF_BUNDLE = SafeText("this is a bundle: copy its file")
_CANNOT = SafeText("this console writes no bundles; run 'taskdeck bundle JOB -o FILE'")


class Bundles:
    """Writes the jobs that a screen names into one file; one bundle at a time."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices, writer: BundleWriter | None) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices
        self._writer = writer
        self._worker: Worker[None] | None = None

    def ask(self, screen: DeskScreen) -> None:
        """Ask for the file of a bundle of the jobs of a screen; while one is written, stop that."""
        jobs = _jobs_of(screen)
        if self._worker is not None and not self._worker.is_finished:
            self._worker.cancel()
        elif self._desk.bundle is not None:
            self._notices.inform(_OF_BUNDLE)
        elif self._writer is None:
            self._notices.inform(_CANNOT)
        elif not jobs:
            self._notices.inform(_NONE_HERE)
        else:
            start(self._app, partial(self._ask_file, jobs, self._writer), group="menu", exclusive=True)

    async def _ask_file(self, jobs: tuple[int, ...], writer: BundleWriter) -> None:
        listed = ", ".join(map(str, jobs))
        question = safe_line(f"Bundle of job {listed}, without environment and headers, to")
        text = f"job-{jobs[0]}.zip"
        while True:
            text = await self._app.push_screen_wait(LineDialog(question, value=text))
            if not text.strip():
                return
            try:
                path = _path_of(text)
                replaces = await finish_in_thread(partial(is_taken, path))
            except Invalid as error:
                question = safe_line(f"{sentence_of(error)}; {error.hint}")
                continue
            if not replaces or await self._may_replace(path):
                break
        order = BundleOrder(
            control=self._desk.control, jobs=jobs, path=path, replaces=replaces, tell=self._show
        )
        self._worker = start(self._app, partial(self._write, order, writer), group="bundle")

    async def _may_replace(self, path: Path) -> bool:
        question = safe_line(f"{path.name} is there already. Overwrite it? [y/N]")
        return await self._app.push_screen_wait(ConfirmDialog(question, {"y": "yes"})) == "yes"

    async def _write(self, order: BundleOrder, writer: BundleWriter) -> None:
        self._show("begins")
        try:
            self._notices.inform(await writer(order))
        except TaskdeckError as error:
            self._notices.warn(safe_line(f"no bundle was written: {sentence_of(error)}"))
        except asyncio.CancelledError:
            self._notices.inform(SafeText("the bundle was stopped: no file was written"))
            raise
        finally:
            self._show("")

    def _show(self, progress: str) -> None:
        """Say in the status bar of every screen how far a bundle is; '' = none is written."""
        self._desk.work = safe_line(f"bundle: {progress} (b stops)") if progress else SafeText("")
        top = self._app.screen_stack[-1:]
        for screen in top:
            if isinstance(screen, DeskScreen):
                screen.show_status()


def _jobs_of(screen: DeskScreen) -> tuple[int, ...]:
    """Return the jobs that a verb would act on by name, else the job that is shown."""
    targets, view = screen.targets(), screen.job_view()
    if targets is None or all(one.job_id is None and one.filter is None for one in targets.targets):
        return (view.id,) if isinstance(view, JobView) else ()
    return tuple(one.job_id for one in targets.targets if one.job_id is not None)


def _path_of(text: str) -> Path:
    try:
        return working_folder() / Path(text.strip()).expanduser()
    except RuntimeError as error:
        raise Invalid("export.path", "no user has that name", hint="name a path without ~") from error
