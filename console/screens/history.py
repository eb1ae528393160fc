"""The history screen: the story of a job, and how it stood.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobMoment, JobPair
from console.rows.history_rows import history_listing, with_noise
from console.screens.list_screen import ListScreen
from console.screens.parts.state_after import StateAfter
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.events import EventView
from core.model.noise import Noise
from core.model.text import SafeText, safe_line
from core.model.views import JobView


class HistoryScreen(ListScreen[EventView]):
    """What happened to a job, the first event on top; below it how the job stood after the chosen one."""

    PARTS = ("list", "history", "compare")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, job_id: int) -> None:
        listing = history_listing(
            desk.control, job_id, created_at=lambda: 0 if self._job is None else self._job.created_at
        )
        super().__init__(desk, listing, where=with_noise(Filter(noun=Noun.EVENTS), Noise.ENDS))
        self.job_id = job_id
        self._noise = Noise.ENDS
        self._job: JobView | None = None
        self.then = StateAfter(self, desk.control, job_id=job_id)

    def body(self) -> ComposeResult:
        yield from super().body()
        yield self.then.foot

    async def load(self) -> None:
        self._job = await self.desk.control.job(self.job_id)
        await super().load()
        self.then.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.then.write)

    def restyle(self) -> None:
        super().restyle()
        self.then.write()

    def title_line(self) -> SafeText:
        name = "" if self._job is None else f" {self._job.name}: {self._job.status}"
        return safe_line(f" History of job {self.job_id}{name}  noise {self._noise:d} of {Noise.ALL:d}")

    def status_words(self) -> tuple[str, ...]:
        # The filter counts events of the job; what happened around it is among the rows.
        return ()

    def on_table_moved(self) -> None:
        super().on_table_moved()
        self.then.show()

    def action_open(self) -> None:
        """Show the job as it stood after the event."""
        event = self.table.selected
        if event is not None:
            self.visit("job at", JobMoment(job_id=self.job_id, event=event.id, noise=self._noise))

    def action_noise(self, step: int) -> None:
        """Tell more of the history, or less."""
        self._noise = Noise(max(Noise.STORY, min(self._noise + step, Noise.ALL)))
        self.rows.base = with_noise(Filter(noun=Noun.EVENTS), self._noise)
        self.narrow(with_noise(self.rows.where, self._noise))

    def action_compare(self) -> None:
        """Compare the job with the one before of its name."""
        self.visit("difference", JobPair(after=self.job_id))
