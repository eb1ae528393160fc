"""retention and disk, without an engine."""

from __future__ import annotations

from tests.cli.cli_stage import Deck, one
from tests.cli.test_cli_verbs import failed, failed_home

__all__ = ["failed", "failed_home"]


def test_what_is_kept_and_what_takes_the_room_is_shown(failed: Deck) -> None:
    shown = failed("retention")
    assert shown.status == 0
    assert "succeeded: outputs 30d; rows 90d" in shown.out
    told = one(failed, "retention")
    assert told["policy"]["failed"] == {"outputs": "365d", "rows": "365d"}
    assert failed("retention", "apply").out == "recorded: the next engine takes it\n"
    told = one(failed, "disk")
    assert (told["folders"], told["partial"]) == (2, False)
    assert {(share["of"], share["name"]) for share in told["shares"]} >= {("workflow", "flow"), ("job", "2")}
    assert "outputs: " in failed("disk").out
