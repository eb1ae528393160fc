"""The commands `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cli_stage import HOSTILE, Deck, one
from tests.support.homes import Home
from tests.support.waiting import until_now

CONFIG = "slots = 2\n"


def test_a_home_is_backed_up_beside_its_engine_and_restored_apart_from_it(
    place: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place.start("exec", "--", "sleep", "600")
    place.waits_for("SELECT status FROM task", ("running",))
    pid = place.path / "output" / "1" / "1" / "pid"
    until_now(lambda: pid.exists() and pid.read_text(), "the child runs")
    assert place.run("schedule", "add", "hourly", "--every", "1h", "--", "true").returncode == 0
    written = place.run("backup", str(tmp_path / "b"), "--outputs")
    assert written.returncode == 0, written.stderr
    assert "outputs of 1 attempts" in written.stdout
    assert "the longest pause of its engine was" in written.stdout
    other = Home(tmp_path / "other")
    monkeypatch.setenv("TASKDECK_CRASH", "")
    try:
        restored = place.run("restore", str(tmp_path / "b"), "--home", str(other.path))
        assert restored.returncode == 0, restored.stderr
        assert "1 attempt ran then" in restored.stdout
        assert "paused" in restored.stdout
        other.start("serve")
        other.waits_for("SELECT status FROM attempt", ("lost",))
        other.waits_for("SELECT status FROM task", ("queued",))
        assert other.rows("SELECT name FROM schedule WHERE paused_at IS NULL") == []
        other.has_engine()
        assert other.run("stop", "--kill").returncode == 0
        assert place.rows("SELECT status FROM task") == [("running",)], "the original's is left alone"
        assert Path(f"/proc/{pid.read_text().split()[0]}").exists()
    finally:
        other.end()


def test_what_is_there_is_listed_checked_and_told_as_json(stored: Deck, tmp_path: Path):
    folder = tmp_path / "all"
    folder.mkdir()
    name = str(folder / f"b{HOSTILE[:5]}")
    made = one(stored, "backup", name)
    assert (made["folder"], made["checked"], made["outputs"]) == (name, True, None)
    assert made["longest_step_us"] >= 0
    assert one(stored, "backup", "--list", str(folder))["event"] == made["event"]
    assert one(stored, "backup", "--verify", name)["store_id"] == made["store_id"]
    restored = one(stored, "restore", name, "--home", str(tmp_path / "n"))
    assert (restored["running"], restored["paused"]) == (0, 1)
    as_was = stored("restore", name, "--home", str(tmp_path / "m"), "--unpaused")
    assert "as they were" in as_was.err
    for words in (("--list", str(folder)), ("--verify", name), ("--list", str(tmp_path / "n"))):
        ended = stored("backup", *words)
        assert ended.status == 0
        assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("backup",), "usage"),
        (("restore",), "usage"),
        (("backup", "x", "--host", "box"), "usage"),
        (("restore", "x", "--host", "box"), "usage"),
        (("backup", "x", "--verify", "--list"), "usage"),
        (("backup", "x", "--verify", "--outputs"), "usage"),
        (("backup", "--verify", "/none"), "backup.missing"),
        (("backup", "--list", "/none"), "backup.folder"),
        (("backup", "/"), "backup.folder"),
        (("backup", "/usr"), "backup.exists"),
        (("restore", "/none", "--home", "/tmp/none/none"), "backup.missing"),
    ],
)
def test_refusals_have_a_code_a_sentence_and_what_to_do(stored: Deck, words: tuple[str, ...], code: str):
    ended = stored(*words)
    assert ended.status in (2, 4)
    assert ended.err.startswith(f"error[{code}]: ")
    assert "Traceback" not in ended.err
