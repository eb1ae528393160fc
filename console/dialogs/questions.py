"""The front: asks and tells the operator by screens on top of the present one."""

from __future__ import annotations

from textual.app import App

from console.dialogs.bulk import CountDialog, PlanDialog, ReportDialog
from console.dialogs.confirm import ConfirmDialog
from console.verbs.questions import SECONDS, Counted, Plan, Report
from core.model.text import SafeText


class ScreenFront:
    """Pushes a dialog for each question; each waits in the worker of the verb that asks."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def confirm(self, question: SafeText) -> bool:
        """Ask; only the key y says yes."""
        return await self._app.push_screen_wait(ConfirmDialog(question, {"y": "yes"})) == "yes"

    async def count(self, asked: Counted) -> bool:
        """Ask for the count."""
        return await self._app.push_screen_wait(CountDialog(asked))

    async def plan(self, plan: Plan) -> str | None:
        """Show a plan and ask for the reason."""
        return await self._app.push_screen_wait(PlanDialog(plan))

    async def report(self, report: Report) -> bool:
        """Show who refused."""
        return await self._app.push_screen_wait(ReportDialog(report))

    def tell(self, words: SafeText, *, bad: bool = False, seconds: float = SECONDS) -> None:
        """Show a sentence for a while."""
        self._app.notify(words, severity="warning" if bad else "information", timeout=seconds, markup=False)
