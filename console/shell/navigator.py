"""Navigator: opens the screen of a place, and keeps the history.

Owned by the app; used by the palette and the place prompt.
"""

from __future__ import annotations

from textual.app import App

from console.desk import Desk
from console.dialogs.menu import MenuDialog
from console.memory import Memory
from console.navigation.goto import (
    DeleteView,
    GoToMoment,
    GoToNumber,
    RecallView,
    RenameView,
    SaveView,
    parse_place,
)
from console.navigation.history import AsOf, History, Spot, Subject
from console.rows.listing import now_ms
from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen
from console.screens.list_screen import ListScreen
from console.shell.places import HOME, ROOTS, screen_for
from core.model.errors import NotFound
from core.model.text import SafeText, safe_line
from core.model.timing.moments import parse_moment

_SCREEN = "screen"


def first_root(memory: Memory) -> str:
    """Return the screen that the operator looked at last, else the usual first one."""
    kept = memory.get(_SCREEN)
    return kept if isinstance(kept, str) and kept in ROOTS else HOME


class Navigator:
    """Shows places on the stack of screens of their root; the roots keep their state."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self._history = History()

    @property
    def current(self) -> DeskScreen | None:
        """The present screen; None = a dialog stands over it, or no screen is left."""
        top = self._app.screen_stack[-1:]
        return next((screen for screen in top if isinstance(screen, DeskScreen)), None)

    @property
    def is_at_root(self) -> bool:
        """Whether nothing lies below the present screen."""
        return len(self._app.screen_stack) <= 1

    def new_root(self, name: str) -> DeskScreen:
        return self._new_screen(Spot(root=name, place=name))

    def remember(self, screen: DeskScreen) -> None:
        """Add the place of a screen to the history."""
        if screen.spot is not None:
            self._history.went(screen.spot)
            self._desk.memory.keep(_SCREEN, screen.spot.root)

    def visit(self, place: str, subject: Subject) -> None:
        """Show a place on top of the present screen, unless that shows it already.

        A key that is pressed twice comes to the screen below before the first has led away from it.
        """
        spot = Spot(root=self._app.current_mode, place=place, subject=subject)
        if self.current is None or self.current.spot != spot:
            self._app.push_screen(self._new_screen(spot))

    def show(self, spot: Spot) -> None:
        """Show a place as it was left, if it still stands on its stack, else a new screen."""
        self._app.switch_mode(spot.root)
        spots = [screen.spot if isinstance(screen, DeskScreen) else None for screen in self._app.screen_stack]
        above = spots[::-1].index(spot) if spot in spots else None
        if above is None:
            self._app.push_screen(self._new_screen(spot))
        else:
            for _ in range(above):
                self._app.pop_screen()

    def show_root(self, name: str) -> None:
        """Show a root as it was left; from a place on top of it, the root itself."""
        if self._app.current_mode == name:
            self.show(Spot(root=name, place=name))
        else:
            self._app.switch_mode(name)

    async def go(self, text: str) -> SafeText:
        """Go where a text says; return a sentence to show, '' = none.

        Raises `NotFound` (`place.unknown`, `views.unknown`) with the way home, and what the control raises.
        """
        match parse_place(text, ROOTS):
            case Spot() as spot:
                self.show(spot)
            case GoToNumber(number=number):
                if chosen := await self._spot_of(number):
                    self.show(chosen)
            case GoToMoment(text=typed):
                # Refused here, if at all: the present screen stays.
                past = await self._desk.control.past.counts(parse_moment(typed, now=now_ms()))
                self.show(Spot(root="jobs", place="as of", subject=AsOf(at=past.at)))
            case SaveView(name=name):
                return self._save_view(name)
            case RecallView(name=name):
                self._recall_view(name)
            case RenameView(name=name, to=to):
                self._desk.views.rename(name, to)
                return safe_line(f"the view '{name}' is called '{to}' now")
            case DeleteView(name=name):
                view = self._desk.views.delete(name)
                return safe_line(f"deleted the view '{name}' ({view.filter or 'everything'})")
            case None:
                places = f"{' '.join(ROOTS)}, job 7, task 7, #7, queue NAME, at 02:10"
                known = f"there are: {places}, home DIR, host BOX"
                raise NotFound(
                    "place.unknown",
                    f"not found: '{safe_line(text)}'; {known}; 1 and 2 lead home",
                    facts={"place": text},
                )
        return SafeText("")

    def step(self, by: int) -> bool:
        """Go back or forward in the history; False = there is nothing on that side."""
        spot = self._history.step(by)
        if spot is not None:
            self.show(spot)
        return spot is not None

    def show_previous(self) -> None:
        """Go to the place before this one; called again, come back here."""
        spot = self._history.previous()
        if spot is not None:
            self.show(spot)

    def replace_failed(self, screen: DeskScreen, error: Exception) -> None:
        """Put a screen that tells of the failure where the failed one stands."""
        spot = screen.spot or Spot(root=HOME, place=HOME)
        self._replace_top(FailedScreen(self._desk, spot, error=error))

    def reopen(self, spot: Spot) -> None:
        """Put a new screen of a place where the present one stands."""
        self._replace_top(self._new_screen(spot))

    def _replace_top(self, screen: DeskScreen) -> None:
        top = self._app.screen
        if not top._result_callbacks:  # noqa: SLF001
            # The first screen of a mode has none, and Textual's switch would not find it.
            top._push_result_callback(top, None)  # noqa: SLF001
        self._app.switch_screen(screen)

    async def _spot_of(self, number: int) -> Spot | None:
        """Return the place of a number; where it is that of a job and of a task, ask; None = neither."""
        spots: dict[str, Spot] = {}
        lines: dict[str, SafeText] = {}
        try:
            job = await self._desk.control.job(number)
            spots["j"] = Spot(root="jobs", place="job", subject=number)
            lines["j"] = safe_line(f"job {number}  {job.name}")
        except NotFound:
            pass
        try:
            task = (await self._desk.control.task(number)).task
            spots["t"] = Spot(root="tasks", place="task", subject=number)
            lines["t"] = safe_line(f"task {number}  {task.key} (of job {task.job_id})")
        except NotFound as error:
            if not spots:
                raise NotFound(
                    "place.unknown",
                    f"{number} is the number of no job and of no task",
                    facts={"place": str(number)},
                ) from error
        if len(spots) == 1:
            return next(iter(spots.values()))
        question = safe_line(f"{number} is a job and a task")
        return spots.get(await self._app.push_screen_wait(MenuDialog(question, lines)))

    def _save_view(self, name: str) -> SafeText:
        screen = self._app.screen
        if not isinstance(screen, ListScreen) or screen.spot is None:
            raise NotFound("views.nothing", "this screen has no filter to save")
        before = self._desk.views.all().get(name)
        self._desk.views.save(name, screen.spot.root, screen.rows.where)
        replaced = f", in place of: {before.filter or 'everything'}" if before else ""
        return safe_line(f"saved as '{name}' in {self._desk.views.place}{replaced}")

    def _recall_view(self, name: str) -> None:
        view = self._desk.views.get(name)
        where = view.where()
        root = view.root if view.root in ROOTS else view.noun.value
        self.show(Spot(root=root, place=root))
        screen = self._app.screen
        if isinstance(screen, ListScreen) and screen.rows.listing.noun is view.noun:
            screen.narrow(where)

    def _new_screen(self, spot: Spot) -> DeskScreen:
        screen = screen_for(self._desk, spot.place, spot.subject)
        screen.spot = spot
        return screen
