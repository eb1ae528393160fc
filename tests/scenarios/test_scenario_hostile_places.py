"""Hostile texts in all other places are seen and obeyed never."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.hostile_stage import NUMBER, Walk, are_names, driven_by_none, unseen
from tests.support.hostile import hostile


async def test_hostile_texts_are_seen_elsewhere_and_drive_nothing(tmp_path: Path) -> None:
    texts = hostile(NUMBER)
    pictures = await driven_by_none(tmp_path, Walk.go_elsewhere)
    # The picker reads its folder beside the keys: a page may be passed over before it is there.
    assert len(unseen(pictures["files"], texts)) < NUMBER / 2
    assert unseen(pictures["retries"], are_names(texts)) == []
