"""Take the captures: `python -m tests.shots.take` writes all of them into `docs/shots/`."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual._compositor import Compositor
from textual.screen import Screen
from textual.widgets import Input

from console import feed
from console.color_depth import Rgb
from core.model import present
from tests.console.support_console import Operator, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl
from tests.shots.scenes import SCENES, SIZES, Scene
from tests.shots.seed import seeded

FOLDER = Path(__file__).parents[2] / "docs" / "shots"
"""Where the captures are kept: a folder for each size, a text and a picture for each scene."""
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A scene as text and as SVG."""

    text: str
    svg: str
    colors: frozenset[Rgb]
    """Every colour that is drawn; those of the terminal's own theme have none."""


def place_of(scene: Scene, size: tuple[int, int], suffix: str) -> Path:
    """Return the file of a capture."""
    return FOLDER / f"{size[0]}x{size[1]}" / f"{scene.name.replace(' ', '-')}{suffix}"


async def take_each(scene: Scene) -> list[Shot]:
    """Capture a scene at each of `SIZES`: its terminal grows, unless it is begun at each size."""
    if scene.opened_at_each_size:
        return [await take(scene, size) for size in SIZES]
    with _fixed_world():
        async with console(_rows_of(scene), size=SIZES[0]) as operator:
            await _go(operator, scene)
            shots = [_shot(operator)]
            for size in SIZES[1:]:
                await operator.resize(*size)
                await _settle(operator)
                shots.append(_shot(operator))
            return shots


async def take(scene: Scene, size: tuple[int, int]) -> Shot:
    """Capture a scene: the same rows, the same clock, a link without delay."""
    with _fixed_world():
        async with console(_rows_of(scene), size=size) as operator:
            await _go(operator, scene)
            return _shot(operator)


def _rows_of(scene: Scene) -> FakeControl:
    control = seeded()
    if scene.stock is not None:
        scene.stock(control)
    return control


def _shot(operator: Operator) -> Shot:
    colors = frozenset(_colors_of(operator.app.screen))
    lines = [line.rstrip() for line in strips_of(operator.app.screen)]
    svg = operator.app.export_screenshot(title="taskdeck", simplify=True)
    # Viewers have a monospaced font; the picture asks no server for one.
    drawn = "\n".join(line.rstrip() for line in _FONTS.sub("", svg).splitlines())
    return Shot(text="\n".join(lines).rstrip() + "\n", svg=drawn.rstrip() + "\n", colors=colors)


def _colors_of(screen: Screen) -> Iterator[Rgb]:
    compositor: Compositor = screen._compositor
    styles = {segment.style for strip in compositor.render_strips() for segment in strip if segment.style}
    for color in {color for style in styles for color in (style.color, style.bgcolor) if color}:
        if color.triplet is not None:
            yield color.triplet


async def _go(operator: Operator, scene: Scene) -> None:
    if scene.subject is None:
        operator.app.action_screen(scene.place)
    else:
        operator.app.screen.visit(scene.place, scene.subject)  # type: ignore[attr-defined]
    await _settle(operator)
    if scene.on_top is not None:
        operator.app.push_screen(scene.on_top(operator.app.desk))
        await _settle(operator)
    for key in scene.keys:
        await operator.press(key)
        await _settle(operator)


async def _settle(operator: Operator) -> None:
    """Let everything that was begun come to its end, and be drawn."""
    for _ in range(3):
        await operator.pilot.pause()
        await operator.until(
            # A question waits in the worker of its verb until somebody answers.
            lambda: all(work.is_finished or work.group == "act" for work in operator.app.workers),
            "work goes on",
        )
    await operator.pilot.pause()


@contextmanager
def _fixed_world() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(present, "time", SimpleNamespace(time_ns=lambda: NOW * 1_000_000))
        patch.setattr(feed, "time", SimpleNamespace(monotonic=lambda: 0.0))
        # A cursor that blinks is in one capture and not in the next.
        patch.setattr(Input.cursor_blink, "_default", False)
        patch.chdir(Path(__file__).parent)
        patch.setenv("TZ", "UTC")
        patch.setenv("TERM", "xterm-256color")
        # The colours of the themes as they are, on every machine.
        patch.setenv("COLORTERM", "truecolor")
        time.tzset()
        yield
    time.tzset()


def main() -> None:
    """Write all captures and remove those of scenes that are gone."""
    for name in ("NO_COLOR", "TASKDECK_THEME", "SSH_CONNECTION"):
        os.environ.pop(name, None)
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    known = set()
    for scene in SCENES:
        for size, shot in zip(SIZES, asyncio.run(take_each(scene)), strict=True):
            for suffix, content in ((".txt", shot.text), (".svg", shot.svg)):
                path = place_of(scene, size, suffix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
                known.add(path)
    for path in sorted(set(FOLDER.glob("*x*/*")) - known):
        path.unlink()
    print(f"{len(known)} captures in {FOLDER.name}/")


if __name__ == "__main__":
    main()
