"""Questions and notices of the verbs, shown as dialogs and toasts.

Made by the app; they implement the protocols in `console.verbs.questions`.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import App

from console.dialogs.bulk import CountDialog, PlanDialog, ReportDialog
from console.dialogs.confirm import ConfirmDialog
from console.verbs.questions import NOTICE_SECONDS, CountQuestion, Plan, Report
from core.model.text import SafeText


class DialogQuestions:
    """Pushes a dialog for each question; the worker that asks waits for its answer."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def confirm(self, question: SafeText) -> bool:
        """Only the key y answers yes."""
        return await self.choose(question, {"y": "yes"}) == "yes"

    async def choose(self, question: SafeText, answers: Mapping[str, str]) -> str:
        return await self._app.push_screen_wait(ConfirmDialog(question, answers))

    async def count(self, asked: CountQuestion) -> bool:
        return await self._app.push_screen_wait(CountDialog(asked))

    async def plan(self, plan: Plan) -> str | None:
        return await self._app.push_screen_wait(PlanDialog(plan))

    async def report(self, report: Report) -> bool:
        return await self._app.push_screen_wait(ReportDialog(report))


class Toasts:
    """Shows notices in a corner of the screen."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    def inform(self, sentence: SafeText, *, seconds: float = NOTICE_SECONDS) -> None:
        self._app.notify(sentence, timeout=seconds, markup=False)

    def warn(self, sentence: SafeText, *, seconds: float = NOTICE_SECONDS) -> None:
        self._app.notify(sentence, severity="warning", timeout=seconds, markup=False)
