"""The console on a bundle: nothing runs, and nothing changes.

Called by `choice`.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from console.sessions.decks import OpenDeck
from console.sessions.flags import ConsoleFlags
from console.sessions.overview import write_overview
from console.sessions.screen import ShownBundle, show_screen
from core.app.bundles.control import BundleControl, cut_text
from core.app.bundles.opening import open_bundle
from core.app.options import Options

_OWN_FILES = ("keymap.toml", "views.toml")


def run(flags: ConsoleFlags) -> None:
    """Show the bundle that the flags name until it is left."""
    if flags.bundle is not None:
        show = write_bundle_overview if flags.in_lines else show_bundle
        asyncio.run(show(flags, flags.bundle))


async def show_bundle(flags: ConsoleFlags, file: Path) -> None:
    """Open a bundle and show the screens; keys and views of this user are there, and stay as they are."""
    async with open_bundle(file, tell=_tell) as opened:
        _take_along(opened.home)
        shown = ShownBundle(
            file=file,
            jobs=opened.manifest.jobs,
            at=opened.manifest.at,
            unpacked=opened.home.parent,
            cut=cut_text(opened),
        )
        deck = OpenDeck(options=Options(home=opened.home), control=BundleControl(opened))
        await show_screen(deck, None, flags=flags, bundle=shown)


async def write_bundle_overview(flags: ConsoleFlags, file: Path) -> None:
    """Open a bundle and write its overview as lines of text."""
    async with open_bundle(file, tell=_tell) as opened:
        if cut := cut_text(opened):
            sys.stdout.write(f"{cut}\n")
        await write_overview(BundleControl(opened), sys.stdout, watch=flags.watch)


def _take_along(home: Path) -> None:
    for name in _OWN_FILES:
        with suppress(OSError):
            shutil.copyfile(Options().paths.home / name, home / name)


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
