"""Moving: bring a place to the screen, remember where one was."""

from __future__ import annotations

from textual.app import App

from console.desk import Desk
from console.history import History, Spot, Subject
from console.places import HOME, make
from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen


class Mover:
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
        self._app.switch_screen(FailedScreen(self._desk, spot, error=error))

    def renew(self, spot: Spot) -> None:
        """Put a place anew where the present screen stands."""
        self._app.switch_screen(self._make(spot))

    def _make(self, spot: Spot) -> DeskScreen:
        screen = make(self._desk, spot.place, spot.subject)
        screen.spot = spot
        return screen
