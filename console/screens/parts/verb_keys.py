"""Verb keys: when they are greyed, and their targets.

Owned by the base of screens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from console.desk import Desk
from console.newjob.resubmit import job_of, why_not_resubmit
from console.screens.parts.hosts import VerbHost
from console.verbs.reasons import NO_ENGINE, nothing_runs, why_not
from console.verbs.selection import Selection
from core.model.text import SafeText


class VerbKeys:
    """Carries verbs out on what its screen has chosen, and lets the screen load afterwards."""

    def __init__(self, desk: Desk, host: VerbHost) -> None:
        self._desk = desk
        self._host = host

    def why_not(self, action: str) -> SafeText:
        """Say why an action cannot be taken now; '' = it can."""
        refusal, engine = self._desk.gate.refusal, self._desk.feed.pulse.engine
        if action == "again":
            absent = NO_ENGINE if engine is None else SafeText("")
            return refusal or absent or why_not_resubmit(self._host.job_view())
        chosen = self._host.targets()
        reason = why_not(
            action,
            refusal=refusal,
            has_engine=engine is not None,
            has_selection=chosen is not None,
            status=self._host.status_of_target(),
        )
        if reason or chosen is None:
            return reason
        return nothing_runs(action, running=chosen.running, label=chosen.label)

    def retry(self) -> None:
        self.act(self._desk.operations.retry)

    def again(self) -> None:
        """Open the form of the job once more, to be changed and submitted."""
        job_id = job_of(self._host.job_view())
        if job_id is not None:
            self._host.submit_again(job_id)

    def cancel(self) -> None:
        self.act(self._desk.operations.cancel)

    def kill(self) -> None:
        """Plan the end of what runs, review it, then end it at once."""
        self.act(self._desk.operations.kill)

    def purge(self) -> None:
        """Plan what would go for good, review it, then remove it."""
        self.act(self._desk.operations.purge)

    def pause(self) -> None:
        """Pause what is chosen, or resume it."""
        self.act(self._desk.operations.pause)

    def hold(self) -> None:
        """Hold what is chosen, or release it."""
        self.act(self._desk.operations.hold)

    def act(self, verb: Callable[[Selection], Awaitable[bool]]) -> None:
        """Carry a verb out on what is chosen now."""
        chosen = self._host.targets()
        if chosen is None:
            self._host.tell(SafeText("nothing here that this acts on"))
        else:
            self.act_on(chosen, verb)

    def act_on(self, chosen: Selection, verb: Callable[[Selection], Awaitable[bool]]) -> None:
        async def carry_out() -> None:
            if await verb(chosen):
                self._host.verb_done()
            self._host.reload_for_operator()

        self._host.begin(carry_out, group="act")
