"""Tests that the captures in docs/shots/ match the console.

`make shots` renews them.
"""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from console.color_depth import XTERM_256
from console.shell.places import ROOTS
from tests.shots.scenes import SCENES, SIZES, Scene
from tests.shots.take import FOLDER, place_of, take, take_each

ANEW = "if that is meant, take the captures anew: make shots"
_NAMES = [scene.name.replace(" ", "-") for scene in SCENES]


def difference(path: Path, taken: str) -> str:
    """Return what differs from a capture on disk, as a diff; '' = nothing."""
    if not path.exists():
        return f"{path.name} was never taken; {ANEW}"
    kept = path.read_text("utf-8")
    if kept == taken:
        return ""
    if path.suffix == ".svg":
        return f"{path.parent.name}/{path.name} looks different, in colours or styles; {ANEW}"
    name = f"{path.parent.name}/{path.name}"
    lines = unified_diff(
        kept.splitlines(), taken.splitlines(), f"docs/shots/{name}", "the screen", lineterm=""
    )
    return "\n".join([*lines, ANEW])


@pytest.mark.parametrize("scene", SCENES, ids=_NAMES)
async def test_a_capture_is_what_the_screen_shows(scene: Scene) -> None:
    for size, shot in zip(SIZES, await take_each(scene), strict=True):
        for suffix, taken in ((".txt", shot.text), (".svg", shot.svg)):
            told = difference(place_of(scene, size, suffix), taken)
            assert not told, told
        # Then a terminal of 256 colours shows the same.
        assert shot.colors <= set(XTERM_256.colors.values())


def test_every_screen_that_stands_for_itself_is_captured_and_nothing_else_is_kept() -> None:
    assert {scene.place for scene in SCENES} >= set(ROOTS)
    kept = {path for path in FOLDER.glob("*/*") if path.is_file()}
    known = {
        place_of(scene, size, suffix) for scene in SCENES for size in SIZES for suffix in (".txt", ".svg")
    }
    assert kept == known, ANEW


def test_a_difference_is_told_line_by_line_with_the_way_to_mend_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.txt"
    assert "never taken" in difference(path, "one\n")
    path.write_text("one\ntwo\n", "utf-8")
    assert difference(path, "one\ntwo\n") == ""
    told = difference(path, "one\nthree\n")
    assert "-two" in told
    assert "+three" in told
    assert told.endswith("make shots")


async def test_a_scene_that_changed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await take(SCENES[0], SIZES[0])
    monkeypatch.setattr("tests.shots.take.NOW", 1_700_000_500_000)
    later = await take(SCENES[0], SIZES[0])
    assert first.text != later.text
    assert first.svg != later.svg
