"""Commands of looks: an answer, what was seen, leave to look.

Made by the engine's lookouts; carried out by the store.
"""

from __future__ import annotations

from msgspec import Struct, field

from core.model.commands.work import Command, RowRef
from core.model.outcomes import TaskError
from core.model.patterns.artifacts import ArtifactFile
from core.model.values import JsonObject


class WaitRef(Struct, frozen=True, kw_only=True):
    """One wait: a task, and which of its generations waits."""

    task_id: int
    generation: int


class Answer(Command[bool], frozen=True, kw_only=True):
    """End a task that waits: with an output, or with an error; False = it does not wait any more."""

    wait: WaitRef
    output: JsonObject | None = None
    error: TaskError | None = None
    looks: int = 0
    """Looks that were made, where they are counted."""
    variables: JsonObject = field(default_factory=dict)
    """What an output sets, and the files that are kept with it."""
    artifacts: tuple[ArtifactFile, ...] = ()

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.wait.task_id),)


class NoteLook(Command[bool], frozen=True, kw_only=True):
    """Keep what a look saw that the one before had not; False = the task does not wait any more."""

    wait: WaitRef
    looks: int
    seen: JsonObject

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.wait.task_id),)


class PassRates(Command[int | None], frozen=True, kw_only=True):
    """Take one start of each rate that the attempt of a task passed; None = it may look.

    Otherwise nothing is taken, and the answer is when to ask again (engine time).
    """

    task_id: int
    epoch: int

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)
