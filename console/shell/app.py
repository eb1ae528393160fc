"""ConsoleApp: the Textual app; owns the shell's parts and routes keys.

Made by `console.sessions.screen`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.geometry import Offset
from textual.theme import Theme
from textual.worker import Worker, WorkerState

from console.background import finish_in_thread, sentence_of, start
from console.decks import Decks
from console.desk import Desk, ShownBundle
from console.dialogs.help import HelpDialog
from console.dialogs.questions import DialogQuestions, Toasts
from console.dialogs.workflow_picker import WorkflowPicker
from console.engine_lifecycle.lifecycle import EngineLifecycle
from console.engine_lifecycle.starters import EngineStarter
from console.exports.bundle_order import BundleWriter
from console.feed import Feed, nothing_left_out
from console.key_table import bindings
from console.last_look import LastLook
from console.looks import Looks
from console.memory import Memory
from console.navigation.saved_views import Views
from console.newjob.resubmit import Resubmit
from console.protection.gate import WRITABLE, Arming, Clock, Gate
from console.protection.guard import GuardedControl
from console.screens.base import DeskScreen, Shown, Visit
from console.screens.failed import FailedScreen, Reopen
from console.shell.bundles import Bundles
from console.shell.clipboard import Clipboard
from console.shell.deck_switch import DeckSwitch
from console.shell.error_boundary import ErrorBoundary
from console.shell.jumps import Jumps
from console.shell.keymap_file import FILE as KEYMAP
from console.shell.keymap_file import read_keymap
from console.shell.live_updates import LiveUpdates
from console.shell.navigator import Navigator, first_root
from console.shell.new_jobs import NewJobs
from console.shell.palette import Palette
from console.shell.place_prompt import PlacePrompt
from console.shell.places import GROUPS, HOME, ROOTS
from console.shell.terminal_keys import MOUSE, TerminalKeys
from console.shell.theme_switch import ThemeSwitch, theme_of
from console.shell.told_notices import ToldNotices
from console.shell.watches import Watches
from console.terminal.caret import caret_of
from console.terminal.driver import CountingDriver
from console.terminal.key_order import KeyOrder
from console.themes import OWN_COLORS, TEXT_STYLES
from console.verbs.backends import BackendVerbs
from console.verbs.capacity import CapacityVerbs
from console.verbs.operations import Operations
from console.verbs.schedules import ScheduleVerbs
from console.verbs.selection import tasks_of
from console.verbs.work_items import ItemVerbs
from core.control.api import ControlAPI
from core.model.decks import DeckName
from core.model.errors import MachineShort
from core.model.shortages import shortage
from core.model.text import SafeText

_KEEP_SECONDS = 5.0
"""Between two looks for what is to be remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """How a console runs."""

    tick: float
    """Seconds between two questions for changes; 0 = only when asked."""
    starter: EngineStarter | None = None
    """Starts engines; None = this console starts none."""
    deck: DeckName = DeckName()
    """What is shown: its home and, if it is not this machine, its host."""
    decks: Decks | None = None
    """Where this console may go from there; None = nowhere."""
    home: Path | None = None
    """The data directory, for views, keymap and copies; None = nothing is stored."""
    read_only: SafeText = WRITABLE
    """Why the console changes nothing, whatever the engine allows; '' = it may."""
    bundle: ShownBundle | None = None
    """What is shown in the place of an engine; None = an engine is."""
    bundle_writer: BundleWriter | None = None
    """Writes bundles of jobs; None = this console writes none."""
    left_out: Callable[[], SafeText] = nothing_left_out
    """Names damaged rows that are not shown, where no engine does; '' = none are left out."""
    clock: Clock = time.monotonic
    """The clock by which armed changes expire."""


class ConsoleApp(App[None]):
    """Shows what a control answers, and asks it for the changes that the operator wants."""

    TITLE = "taskdeck"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings("app")
    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = HOME
    _mixed: tuple[Theme, dict[str, str]] | None = None

    def __init__(self, control: ControlAPI, options: ConsoleOptions) -> None:
        memory = Memory(options.home, deck=options.deck)
        self.DEFAULT_MODE = first_root(memory)  # type: ignore[misc] # Textual begins with this mode.
        # Without this, NO_COLOR would only turn colours into greys.
        super().__init__(driver_class=CountingDriver, ansi_color=True if "NO_COLOR" in os.environ else None)
        # Nothing moves by itself; the terminal blinks its own cursor, if its owner wants that.
        self.animation_level = "none"
        notices, questions = Toasts(self), DialogQuestions(self)
        feed, known = Feed(control, left_out=options.left_out), Looks()
        gate = Gate(feed, read_only=options.read_only, clock=options.clock)
        safe = GuardedControl(control, feed, gate)
        operations = Operations(safe, questions=questions, notices=notices, bounded=gate.bounded)
        self.desk = Desk(
            control=safe,
            gate=gate,
            operations=operations,
            capacity=CapacityVerbs(safe, operations=operations, questions=questions, notices=notices),
            backends=BackendVerbs(safe, operations=operations, questions=questions, notices=notices),
            schedules=ScheduleVerbs(safe, operations=operations, questions=questions, notices=notices),
            items=ItemVerbs(safe, notices=notices),
            feed=feed,
            looks=known,
            theme=theme_of(memory, known, os.environ),
            views=Views(options.home),
            memory=memory,
            last_look=LastLook(memory),
            keymap={} if options.home is None else read_keymap(options.home / KEYMAP, GROUPS),
            host=options.deck.host,
            bundle=options.bundle,
        )
        self.set_keymap(self.desk.keymap)
        self.notices = notices
        self.navigator = Navigator(self, self.desk)
        self.short: MachineShort | None = None
        """What the machine was short of when the console could not go on."""
        self.boundary = ErrorBoundary(self, navigator=self.navigator, notices=notices, fatal=self._end_with)
        self.key_order = KeyOrder(self, super().on_event, is_settling=self._is_settling)
        self.arming = Arming(gate, feed, questions=questions, notices=notices, host=options.deck.host)
        self.lifecycle = EngineLifecycle(
            self.desk, questions=questions, notices=notices, starter=options.starter
        )
        self.updates = LiveUpdates(
            self, self.desk, navigator=self.navigator, lifecycle=self.lifecycle, tick=options.tick
        )
        self.clipboard_menu = Clipboard(self, notices=notices, home=options.home)
        self.theme_switch = ThemeSwitch(self, self.desk, notices=notices)
        # Before anything is drawn: a change of the theme styles all once more.
        self.theme_switch.start()
        self.deck_switch = DeckSwitch(self, options.decks, lifecycle=self.lifecycle, notices=notices)
        self.place_prompt = PlacePrompt(
            self, self.desk, navigator=self.navigator, notices=notices, decks=self.deck_switch
        )
        self.palette = Palette(self, notices=notices)
        self.terminal_keys = TerminalKeys(self, self.desk, notices=notices, starter=options.starter)
        self.watches = Watches(self, self.desk, notices=notices)
        self.updates.followers += [self.watches.follow, ToldNotices(self, self.desk, notices=notices).follow]
        self.bundles = Bundles(self, self.desk, notices=notices, writer=options.bundle_writer)
        self.jumps = Jumps(self, self.desk, notices=notices)
        self.new_jobs = NewJobs(self, self.desk, notices=notices)
        self._add_modes()

    def _add_modes(self) -> None:
        for name in ROOTS:
            self.add_mode(name, partial(self.navigator.new_root, name))

    @property
    def wants_mouse(self) -> bool:
        """Whether the operator used the mouse last."""
        return self.desk.memory.get(MOUSE) is True

    def on_mount(self) -> None:
        """Show the first screen, and begin to follow what changes."""
        self.boundary.watch()
        self.call_later(self.key_order.begin)
        self.terminal_keys.watch()
        self.theme_switch.tell_unknown()
        start(self, self._open, group="begin")
        self.updates.start()
        self.set_interval(_KEEP_SECONDS, self._keep_memory)

    async def on_event(self, event: events.Event) -> None:
        """Keep the order of keys; every other event goes its way."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.desk.last_look.note()
            await self.key_order.take(event)
        else:
            await super().on_event(event)

    @property
    def cursor_position(self) -> Offset:
        """The cell for the cursor of the terminal, when something was drawn."""
        return caret_of(self)

    @cursor_position.setter
    def cursor_position(self, _: Offset) -> None:
        """Do nothing: what has the keys says where it is."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Draw with the colours that the terminal has."""
        return self.theme_switch.filtered(super().get_line_filters())

    def get_css_variables(self) -> dict[str, str]:
        """Return the colours of the theme, mixed once: Textual asks for them four times in a start."""
        if self._mixed is None or self._mixed[0] is not self.current_theme:
            self._mixed = (self.current_theme, super().get_css_variables())
        return self._mixed[1]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return what the style sheet needs while it is read: a theme of ours is not set yet."""
        return dict.fromkeys(OWN_COLORS, "ansi_default") | dict.fromkeys(TEXT_STYLES, "bold")

    def delay_update(self, delay: float = 0.0) -> None:
        """Draw at once: at a switch Textual holds all for 50 ms, twice what a key may take."""

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[object, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Carry an action out within the error boundary; tell why one that is greyed does nothing."""
        reason = self._why_not(action, default_namespace) if isinstance(action, str) else None
        if reason:
            self.notices.inform(reason)
            return True
        return await self.boundary.run(partial(super().run_action, action, default_namespace, namespaces))

    def _why_not(self, action: str, asked: DOMNode | None) -> SafeText | None:
        # Actions of the whole console act on the screen that is shown.
        screen = self.screen if asked is self else asked
        name = action.removeprefix("app.").partition("(")[0]
        return screen.why_not(name) if isinstance(screen, DeskScreen) else None

    def _end_with(self, error: Exception) -> None:
        """End as Textual does with every failure, but for want of memory or threads without a traceback."""
        self.short = shortage(error)
        if self.short is None:
            super()._handle_exception(error)
        else:
            self.exit()

    def _handle_exception(self, error: Exception) -> None:
        self.boundary.contain(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of work beside the screens that failed."""
        if event.state is WorkerState.ERROR:
            self.notices.warn(sentence_of(event.worker.error))

    def on_visit(self, event: Visit) -> None:
        self.navigator.visit(event.place, event.subject)

    def on_shown(self, event: Shown) -> None:
        self.navigator.remember(event.screen)

    def on_reopen(self, event: Reopen) -> None:
        self.navigator.reopen(event.spot)

    def on_resubmit(self, event: Resubmit) -> None:
        start(self, partial(self.new_jobs.resubmit, event.job_id), group="menu", exclusive=True)

    def action_bundle(self) -> None:
        """Put the jobs of the screen into one file."""
        screen = self.navigator.current
        if screen is not None:
            self.bundles.ask(screen)

    def action_goto(self) -> None:
        start(self, self.place_prompt.ask_place, group="menu", exclusive=True)

    def action_type_place(self, text: str) -> None:
        """Open the place prompt with a text to go on from."""
        start(self, partial(self.place_prompt.ask_place, text), group="menu", exclusive=True)

    def action_switch_deck(self, kind: str = "home") -> None:
        """Pick another home or host, and go there."""
        self.deck_switch.pick(kind)

    def action_palette(self) -> None:
        start(self, self.palette.ask, group="palette", exclusive=True)

    def action_recall(self) -> None:
        start(self, self.place_prompt.ask_view, group="menu", exclusive=True)

    async def action_go(self, text: str) -> None:
        await self.place_prompt.go(text)

    def action_screen(self, name: str) -> None:
        self.navigator.show_root(name)

    def action_history(self, by: int) -> None:
        if not self.navigator.step(by):
            side = "before" if by < 0 else "after"
            self.notices.inform(SafeText(f"the history holds nothing {side} this"))

    def action_last_view(self) -> None:
        self.navigator.show_previous()

    def action_help(self) -> None:
        screen = self.navigator.current
        if screen is None:
            self.push_screen(HelpDialog((), {}, why_not=lambda _: SafeText("")))
        else:
            self.push_screen(
                HelpDialog(screen.parts(), self.desk.keymap, why_not=screen.why_not, noun=screen.filter_noun)
            )

    def action_copy(self) -> None:
        if screen := self.navigator.current:
            start(self, partial(self.clipboard_menu.ask, screen), group="menu", exclusive=True)

    def action_export(self) -> None:
        if screen := self.navigator.current:
            screen.action_export()

    def action_jump(self) -> None:
        if screen := self.navigator.current:
            start(self, partial(self.jumps.ask, screen), group="menu", exclusive=True)

    def action_watch(self) -> None:
        if screen := self.navigator.current:
            self.watches.toggle(screen)

    def action_search_logs(self) -> None:
        """Search the logs of what is chosen on the present screen."""
        screen = self.navigator.current
        selection = None if screen is None else screen.targets()
        if selection is None:
            self.notices.inform(SafeText("no job and no task is chosen here"))
        else:
            self.navigator.visit("found lines", tasks_of(selection))

    def action_new_job(self) -> None:
        self.new_jobs.pick()

    def action_next_theme(self) -> None:
        self.theme_switch.use_next()

    def action_use_theme(self, name: str) -> None:
        self.theme_switch.use(name)

    def action_repeat(self) -> None:
        if screen := self.navigator.current:
            screen.verbs.act(self.desk.operations.repeat)

    def action_undo(self) -> None:
        start(self, self._undo, group="act")

    def action_write(self) -> None:
        start(self, self._toggle_arming, group="menu", exclusive=True)

    def action_freeze(self) -> None:
        """Freeze the present screen, or let it follow again."""
        self.desk.frozen = not self.desk.frozen
        if screen := self.navigator.current:
            if self.desk.frozen:
                screen.show_status()
            else:
                screen.reload()

    def action_repaint(self) -> None:
        self.terminal_keys.repaint()

    def action_suspend(self) -> None:
        self.terminal_keys.suspend()

    def action_mouse(self) -> None:
        self.terminal_keys.toggle_mouse()

    def action_help_quit(self) -> None:
        """Say how to leave: Ctrl+C does not."""
        self.terminal_keys.tell_how_to_leave()

    def action_reload(self) -> None:
        """Read everything again."""
        if isinstance(self.screen, FailedScreen):
            self.screen.reopen()
            return
        start(self, self._open, group="begin", exclusive=True)
        self._reload_screen()

    def action_start_engine(self) -> None:
        start(self, self.lifecycle.start_or_replace, group="leave", exclusive=True)

    async def action_leave(self) -> None:
        """Go back; from the first screen, leave the console."""
        if self.navigator.is_at_root:
            await self.action_quit()
        elif screen := self.navigator.current:
            screen.action_back()

    async def action_quit(self) -> None:
        """Leave the console, from any screen."""
        start(self, self._leave, group="leave", exclusive=True)

    async def _open(self) -> None:
        kinds = await self.lifecycle.open()
        self.updates.show(kinds)
        await self.updates.people.follow(kinds)
        await self.deck_switch.note_used()

    async def on_unmount(self) -> None:
        """Write what this console remembers of its operator."""
        self.desk.last_look.keep()
        await finish_in_thread(self.desk.memory.write)

    async def _keep_memory(self) -> None:
        if not self.desk.memory.is_written:
            await finish_in_thread(self.desk.memory.write)

    async def _leave(self) -> None:
        if await self.lifecycle.may_leave():
            self.exit()

    async def _undo(self) -> None:
        await self.desk.operations.undo()
        self._reload_screen()

    async def _toggle_arming(self) -> None:
        await self.arming.toggle()
        if screen := self.navigator.current:
            screen.show_status()

    def _reload_screen(self) -> None:
        if screen := self.navigator.current:
            screen.reload_for_operator()

    def _is_settling(self) -> bool:
        screen = self.screen
        return isinstance(screen, DeskScreen | WorkflowPicker) and screen.is_settling
