"""Protocols of the screens that own parts.

Implemented by the screens, used by their parts.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Literal, Protocol, TypeVar

from textual.screen import ModalScreen
from textual.worker import Worker

from console.navigation.history import Subject
from console.verbs.selection import Selection
from console.widgets.head import Head
from core.filters.terms import Filter
from core.model.text import SafeText

T = TypeVar("T")


class Tell(Protocol):
    """Shows a sentence for a while, on whatever screen is shown then."""

    def __call__(
        self, message: SafeText, /, *, severity: Literal["information", "error"] = "information"
    ) -> None:
        """Show it."""


class Host(Protocol):
    """A screen, as its parts see it."""

    @property
    def tell(self) -> Tell:
        """Take it before work begins that may outlive the screen: a screen that was left has no app."""

    def begin(
        self, work: Callable[[], Coroutine[None, None, None]], *, group: str, exclusive: bool = False
    ) -> Worker[None]:
        """Run work beside the screen, `exclusive`: instead of other work of its group."""

    async def ask(self, dialog: ModalScreen[T]) -> T:
        """Show a dialog and return its answer; only within work that was begun."""

    def show_status(self) -> None:
        """Write the status bar: what it says of a part has changed."""


class ListHost(Host, Protocol):
    """A screen of one list."""

    head: Head
    """Its strip of screens gives way to the filter."""

    def narrow(self, where: Filter) -> None:
        """List what a filter finds, from the first row."""


class LogHost(Host, Protocol):
    """A screen of one output."""

    def reload(self) -> None:
        """Read what is shown once more."""


class VerbHost(Host, Protocol):
    """A screen that verbs are given on."""

    def targets(self) -> Selection | None:
        """Return what a verb acts on: the marked rows, else what is under the cursor."""

    def status_of_target(self) -> str:
        """Return the status of the one task that a verb acts on; '' = it is unknown or there are several."""

    def job_view(self) -> object:
        """Return the view whose job may be submitted again."""

    def reload_for_operator(self) -> None:
        """Read what is shown once more: the operator's own key has changed it."""

    def verb_done(self) -> None:
        """Take note that a verb has been carried out on the targets."""

    def submit_again(self, job_id: int) -> None:
        """Open the form of a job with its values filled in."""


class JobHost(Protocol):
    """A view of one job."""

    def visit(self, place: str, subject: Subject | None) -> None:
        """Show a place on top; nothing happens without a subject."""

    def subject(self) -> int | None:
        """Return the task under the cursor, if one is."""

    def job_view(self) -> object:
        """Return the job, or None before it has been read."""

    def view_below(self) -> object:
        """Return what the screen below has chosen, or None."""
