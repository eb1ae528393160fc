"""Hostile texts in jobs, tasks and logs are seen and obeyed never."""

from __future__ import annotations

from pathlib import Path

from core.render.coloured import coloured_line
from tests.scenarios.hostile_stage import NUMBER, Walk, are_names, driven_by_none, is_whole, unseen
from tests.support.hostile import hostile

FOUND = 30
"""Of the lines that a search in logs lists, those that the walk looks at for certain."""


async def test_hostile_texts_are_seen_in_work_and_drive_nothing(tmp_path: Path) -> None:
    texts = hostile(NUMBER)
    pictures = await driven_by_none(tmp_path, Walk.go_into_work)
    expected = {
        "jobs": [text for text in are_names(texts) if is_whole(text)],
        # Colours are drawn, and what a carriage return wrote over is gone.
        "log": [_drawn(text) for text in texts if is_whole(text) and "\n" not in text],
        "found": [_drawn(text) for text in texts[:FOUND] if is_whole(text) and not set(text) & set("\n\r")],
    }
    assert {name: unseen(pictures[name], those) for name, those in expected.items()} == {
        name: [] for name in expected
    }


def _drawn(text: str) -> str:
    return coloured_line(text.encode("utf-8", "surrogatepass")).text.rstrip()
