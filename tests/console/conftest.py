"""What every test of the console may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import pytest
import textual.app
import textual.pilot
from textual import _callback
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.screen import Screen

from console.screens.parts import reading_pace
from tests.console.support_settled import settled
from tests.console.support_stylesheet import Place, RememberingStylesheet
from tests.support.waiting import rest


@pytest.fixture(scope="session", autouse=True)
def _style_sheets_are_parsed_once() -> Iterator[None]:
    """Let the hundreds of apps in one process share what Textual made of the same sheet and colours.

    Textual itself keeps parsed rules for as long as an app lives; parsing is a third of its start.
    """
    parsed: dict[tuple[object, ...], list[RuleSet]] = {}
    colours: WeakKeyDictionary[Stylesheet, frozenset[tuple[str, str]]] = WeakKeyDictionary()
    parse_rules, set_variables = Stylesheet._parse_rules, Stylesheet.set_variables

    def set_and_forget(sheet: Stylesheet, variables: dict[str, str]) -> None:
        set_variables(sheet, variables)
        colours.pop(sheet, None)

    def parse_once(sheet: Stylesheet, *source: object, **more: object) -> list[RuleSet]:
        if sheet not in colours:
            colours[sheet] = frozenset(sheet._variables.items())
        key = (colours[sheet], source, *more.items())
        if key not in parsed:
            parsed[key] = parse_rules(sheet, *source, **more)  # type: ignore[arg-type]
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        patch.setattr(Stylesheet, "set_variables", set_and_forget)
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_fits_a_node_is_found_once() -> Iterator[None]:
    """Let all apps with the same rules share what was found out for their nodes."""
    found: dict[tuple[int, ...], tuple[dict[Place, Any], dict[Any, Any]]] = {}

    def share(sheet: RememberingStylesheet) -> None:
        # The rules live as long as the session: each has its id for itself.
        names, fitting = found.setdefault(tuple(map(id, sheet._rules)), ({}, {}))
        sheet._pseudo_classes, sheet._fitting = names, fitting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textual.app, "Stylesheet", RememberingStylesheet)
        patch.setattr(RememberingStylesheet, "_forget", share)
        yield


@pytest.fixture(scope="session", autouse=True)
def _parameters_of_a_function_are_counted_once() -> Iterator[None]:
    """Let calls that come later share the number of parameters of the same code.

    Textual wraps each in a partial of its own, and reads the signature of what is in it.
    """
    counted: dict[tuple[CodeType, bool], int] = {}
    count = _callback._count_parameters

    def count_once(function: Callable[..., object]) -> int:
        plain = getattr(function, "__func__", function)
        code = getattr(plain, "__code__", None)
        if code is None or hasattr(plain, "__wrapped__"):
            return count(function)
        key = (code, plain is not function)
        if key not in counted:
            counted[key] = count(function)
        return counted[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_callback, "_count_parameters", count_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_read_of_a_slow_machine_is_put_off() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_pace, "SHARE", 0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _screens_are_drawn_once_they_have_settled() -> Iterator[None]:
    """Draw once when a pilot has pressed or paused, and not at each of the three or four steps before it.

    Without a terminal a frame goes nowhere, and a test looks at what is shown when all has settled; drawing
    is the larger part of the work. On a terminal every frame is drawn, as it is for the operator.
    """
    draw, press, pause = Screen._compositor_refresh, Pilot.press, Pilot.pause
    waiting: WeakSet[Screen] = WeakSet()

    def draw_later(screen: Screen) -> None:
        app = screen.app
        if not app.is_headless or screen is not app.screen:
            draw(screen)
            return
        waiting.add(screen)
        # What is to be drawn is known to the compositor by now.
        screen._dirty_widgets.clear()
        app._update_mouse_over(screen)

    def draw_now(screen: Screen) -> None:
        if screen in waiting:
            waiting.discard(screen)
            with screen._context():
                try:
                    draw(screen)
                except Exception as error:
                    screen.app._handle_exception(error)

    async def press_and_draw(pilot: Pilot, *keys: str) -> None:
        await press(pilot, *keys)
        # As a pause does: the next frame is due within a 60th of a second.
        pilot.app.screen._on_timer_update()
        draw_now(pilot.app.screen)

    async def pause_and_draw(pilot: Pilot, delay: float | None = None) -> None:
        await pause(pilot, delay)
        draw_now(pilot.app.screen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Screen, "_compositor_refresh", draw_later)
        patch.setattr(Pilot, "press", press_and_draw)
        patch.setattr(Pilot, "pause", pause_and_draw)
        for module in (textual.app, textual.pilot):
            patch.setattr(module, "wait_for_idle", rest)
        yield


@pytest.fixture(scope="session", autouse=True)
def _pilots_look_at_queues() -> Iterator[None]:
    """Let a pilot wait until all messages are processed without a message of its own to each widget.

    Textual sends one to everything on the screen, twice for a key: a quarter of all messages of a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pilot, "_wait_for_screen", settled)
        yield
