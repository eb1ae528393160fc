"""Run the full screen until its user, or a signal, ends it.

Called by the attached and the embedded session.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from functools import partial
from pathlib import Path
from types import FrameType

from console.decks import Decks
from console.desk import ShownBundle
from console.exports.bundle_order import BundleOrder
from console.feed import SECONDS, SECONDS_SSH
from console.protection.gate import OF_BUNDLE, READ_ONLY, WRITABLE
from console.sessions.decks import OpenDeck
from console.sessions.flags import ConsoleFlags
from console.shell.app import ConsoleApp, ConsoleOptions
from core.app import collector
from core.app.bundles.file import open_bundle_file
from core.app.bundles.writing import Wanted, write_bundle
from core.app.signals import Interrupted, handling_signals, restore_signals
from core.files.writing import remove_unfinished
from core.model.text import SafeText, safe_line
from core.render.sizes import size_text

__all__ = ["ShownBundle", "show_screen"]


async def show_screen(
    deck: OpenDeck, decks: Decks | None, *, flags: ConsoleFlags, bundle: ShownBundle | None = None
) -> None:
    """Show the screens of a deck; `decks` = where this console may go from there, None = nowhere.

    Raises `Interrupted` when a signal ended them.
    """
    over_ssh = "SSH_CONNECTION" in os.environ
    tick = SECONDS_SSH if over_ssh or deck.name.host else SECONDS
    options = ConsoleOptions(
        tick=tick,
        starter=None if flags.read_only or bundle is not None else deck.starter(),
        deck=deck.name,
        decks=decks,
        home=deck.habits_home,
        read_only=_read_only(flags),
        bundle=bundle,
        bundle_writer=_write_ordered,
        left_out=deck.left_out,
    )
    collector.resume_later(asyncio.get_running_loop())
    console = ConsoleApp(deck.control, options)
    # Over SSH a mouse that reports every motion costs more than it gives; else it has to be asked for.
    unpacked = None if bundle is None else bundle.unpacked
    await _run_until_signalled(console, mouse=console.wants_mouse and not over_ssh, unpacked=unpacked)


def _read_only(flags: ConsoleFlags) -> SafeText:
    if flags.bundle is not None:
        return OF_BUNDLE
    return READ_ONLY if flags.read_only else WRITABLE


async def _run_until_signalled(console: ConsoleApp, *, mouse: bool, unpacked: Path | None) -> None:
    """Run the screens; a signal first gives the terminal back, and then raises `Interrupted`."""
    received: list[signal.Signals] = []

    def leave(number: signal.Signals) -> None:
        received.append(number)
        # A terminal that takes nothing more must not keep the process.
        restore_signals()
        console.exit()

    with handling_signals(leave):
        # Textual waits for ever to write to a terminal that is gone.
        restore_signals(signal.SIGHUP)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, partial(_remove_and_end, unpacked))
        if not received:
            await console.run_async(mouse=mouse)
    if console.short is not None:
        raise console.short
    if received:
        raise Interrupted(received[0])


def _remove_and_end(unpacked: Path | None, number: int, _: FrameType | None) -> None:
    """Remove what a bundle was unpacked to and half an export, then let the signal do what it always does."""
    remove_unfinished()
    if unpacked is not None:
        shutil.rmtree(unpacked, ignore_errors=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


async def _write_ordered(order: BundleOrder) -> SafeText:
    """Write the bundle, through the engine here or on a host, into a file on this machine."""
    file = open_bundle_file(order.path, force=order.replaces)
    try:
        with file.refusing():
            file.open()
            written = await write_bundle(order.control, Wanted(jobs=order.jobs, tell=order.tell), file)
            file.keep()
    finally:
        file.discard()
    jobs = ", ".join(map(str, order.jobs))
    return safe_line(
        f"job {jobs} is in {order.path}, {size_text(written.size).strip()}, without environment and headers;"
        f" open it: taskdeck --bundle {order.path.name}"
    )
