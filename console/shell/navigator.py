"""Moving: bring a place to the screen, remember where one was."""

from __future__ import annotations

from textual.app import App

from console.desk import Desk
from console.navigation.goto import Recall, Ref, Save, read_wish
from console.navigation.history import History, Spot, Subject
from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen
from console.screens.list_screen import ListScreen
from console.shell.places import HOME, ROOTS, make
from core.model.errors import NotFound
from core.model.text import SafeText, safe_line


class Navigator:
    """Shows places on the stack of screens of their root; the roots keep their state."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self.history = History()

    def root(self, name: str) -> DeskScreen:
        """Return a new screen that stands for itself."""
        return self._make(Spot(root=name, place=name))

    def visit(self, place: str, subject: Subject) -> None:
        """Show a place on top of the present screen."""
        self._app.push_screen(self._make(Spot(root=self._app.current_mode, place=place, subject=subject)))

    def show(self, spot: Spot) -> None:
        """Show a place as it was left, if it still stands on its stack, else anew."""
        self._app.switch_mode(spot.root)
        spots = [screen.spot if isinstance(screen, DeskScreen) else None for screen in self._app.screen_stack]
        above = spots[::-1].index(spot) if spot in spots else None
        if above is None:
            self._app.push_screen(self._make(spot))
        else:
            for _ in range(above):
                self._app.pop_screen()

    def root_again(self, name: str) -> None:
        """Show a root as it was left; from a place on top of it, the root itself."""
        if self._app.current_mode == name:
            self.show(Spot(root=name, place=name))
        else:
            self._app.switch_mode(name)

    async def go(self, text: str) -> SafeText:
        """Go where a text says; return what there is to tell.

        Raises `NotFound` (`place.unknown`, `views.unknown`) with the way home, and what the control raises.
        """
        match read_wish(text, ROOTS):
            case Spot() as spot:
                self.show(spot)
            case Ref(number=number):
                self.show(await self._spot_of(number))
            case Save(name=name):
                return self._save(name)
            case Recall(name=name):
                self._recall(name)
            case None:
                there = f"there are: {' '.join(ROOTS)}, job 7, task 7, #7, queue NAME"
                raise NotFound("place.unknown", f"not found: '{safe_line(text)}'; {there}; 1 and 2 lead home")
        return SafeText("")

    def step(self, by: int) -> bool:
        """Go back or forward by so many places; False if there are none."""
        spot = self.history.step(by)
        if spot is not None:
            self.show(spot)
        return spot is not None

    def last(self) -> bool:
        """Go to the place before this one; again, and one is here again."""
        spot = self.history.last()
        if spot is not None:
            self.show(spot)
        return spot is not None

    def fail(self, screen: DeskScreen, error: Exception) -> None:
        """Put what tells of a failure where a screen stood."""
        spot = screen.spot or Spot(root=HOME, place=HOME)
        self._replace(FailedScreen(self._desk, spot, error=error))

    def renew(self, spot: Spot) -> None:
        """Put a place anew where the present screen stands."""
        self._replace(self._make(spot))

    def _replace(self, screen: DeskScreen) -> None:
        top = self._app.screen
        if not top._result_callbacks:  # noqa: SLF001
            # The first screen of a mode has none, and Textual's switch would not find it.
            top._push_result_callback(top, None)  # noqa: SLF001
        self._app.switch_screen(screen)

    async def _spot_of(self, number: int) -> Spot:
        try:
            await self._desk.control.task(number)
        except NotFound:
            await self._desk.control.job(number)
            return Spot(root="jobs", place="job", subject=number)
        return Spot(root="tasks", place="task", subject=number)

    def _save(self, name: str) -> SafeText:
        screen = self._app.screen
        if not isinstance(screen, ListScreen) or screen.spot is None:
            raise NotFound("views.nothing", "this screen has no filter to save")
        self._desk.views.save(name, screen.spot.root, screen.rows.where)
        return safe_line(f"saved as '{name}' in {self._desk.views.place}")

    def _recall(self, name: str) -> None:
        view = self._desk.views.get(name)
        where = view.where()
        root = view.root if view.root in ROOTS else view.noun.value
        self.show(Spot(root=root, place=root))
        screen = self._app.screen
        if isinstance(screen, ListScreen) and screen.rows.listing.noun is view.noun:
            screen.narrow(where)

    def _make(self, spot: Spot) -> DeskScreen:
        screen = make(self._desk, spot.place, spot.subject)
        screen.spot = spot
        return screen
