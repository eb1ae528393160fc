"""What the graph and the timeline of a job share.

Their base class: the keys of the job, and a pace of reading.
"""

from __future__ import annotations

from console.desk import Desk
from console.screens.base import DeskScreen
from console.screens.parts.job_keys import JobKeys
from console.screens.parts.reading_pace import ReadingPace
from core.model.text import SafeText


class JobPictureScreen(DeskScreen):
    """All tasks of a job in one picture, which is slow to read when the job is large."""

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk)
        self.job_id = job_id
        self.pace = ReadingPace()
        self.job_keys = JobKeys(desk, self.verbs, self, job_id=job_id)
        self.action_runs = self.job_keys.runs
        self.action_history = self.job_keys.history
        self.action_artifacts = self.job_keys.artifacts
        self.action_events = self.job_keys.events
        self.action_logs = self.job_keys.logs
        self.action_why = self.job_keys.why
        self.action_pause = self.job_keys.pause

    def subject(self) -> int | None:
        """Return the task under the cursor, if one is."""
        raise NotImplementedError

    def title_line(self) -> SafeText:
        return self.job_keys.title(self.size.width or 80)

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Read a large job less often: what is put off here is read by `refresh_ages`."""
        return super().is_affected(kinds) and self.pace.may_read()

    def refresh_ages(self) -> None:
        """Read what was put off, or draw what grows."""
        if self.pace.is_due and not self.desk.frozen:
            self.reload()
        else:
            self.draw_growth()
        super().refresh_ages()

    def draw_growth(self) -> None:
        """Draw again what grows with time alone; nothing does in most pictures."""
