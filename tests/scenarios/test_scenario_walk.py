"""An operator works from start to end by keys alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workflows.registry import configuration_of
from tests.support.homes import Home
from tests.support.terminal import ROOT, Terminal
from tests.support.waiting import until_now

SLOTS = 6
"""One for each task of the sample that can start first: none waits for another's slot."""
PACE = 55
"""Longer than any walk, shorter than the time-out of the sample's tasks."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "config.toml").write_text(f"slots = {SLOTS}\n")
    yield home
    home.end()


def make_run(place: Home) -> list[str]:
    """Return `make run` on a home of the test, with the Python that runs the tests."""
    folder = place.path.parent / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "taskdeck"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m console.launch "$@"\n')
    script.chmod(0o755)
    # -o: the environment is there, however old.
    return ["make", "-s", "-o", ".venv/.ready", "run", f"BIN={folder}", f"DECK={place.path}"]


def opened(place: Home, size: tuple[int, int]) -> Terminal:
    return Terminal(make_run(place), size=size, environ={"TMPDIR": str(place.path.parent)})


def sees_line(terminal: Terminal, *texts: str) -> None:
    """Wait until one line of the picture holds all texts."""

    def there() -> bool:
        return any(all(text in line for text in texts) for line in terminal.picture().splitlines())

    terminal.until(there, f"no line with {texts}")


def narrow(terminal: Terminal, text: str) -> None:
    terminal.press("/", "ctrl+u", text, "enter")
    terminal.sees(f"/ {text}", "filter ")


def start_broken_sample(terminal: Terminal) -> None:
    """Pick the sample and fill its form: a pace, and the task that fails."""
    terminal.press("o")
    sees_line(terminal, "sample", "built in")
    terminal.press("sample", "enter")
    terminal.sees("New job: sample", "[ Submit ]", "< false >")
    # From the first line on to the pace.
    terminal.press("tab", "ctrl+u", str(PACE), "tab", "right")
    terminal.sees("< true >", f" {PACE}")
    terminal.press("enter", "enter", "enter", "enter")


def watch(terminal: Terminal) -> None:
    """See the same work on the page of the job, as a graph, and from above."""
    terminal.sees("Job 2  sample", "running")
    sees_line(terminal, "write_west", "● running")
    sees_line(terminal, "count_west", "◇ blocked")
    sees_line(terminal, "broken", "✗ failed", "exit 2")
    sees_line(terminal, "flaky", "✓ succeeded", "3/3")
    terminal.press("v")
    sees_line(terminal, "● write_west", "◇ sum_west")
    sees_line(terminal, "✗ broken")
    terminal.press("escape")
    sees_line(terminal, "write_west", "● running")
    terminal.press("1")
    terminal.sees(" Pulse  working", f"slots 4/{SLOTS}", "✗ failed 1", "● running 4")
    sees_line(terminal, "✗ failing", "exit 2")
    sees_line(terminal, "◇ needs", "10")


def read_log(terminal: Terminal) -> None:
    """Go from what fails to the words of the task that failed."""
    terminal.press("enter")
    sees_line(terminal, "broken", "✗ failed")
    terminal.press("l")
    terminal.sees(" Log of task", "looking for the part that is always missing", "missing.txt")
    terminal.press("q")
    sees_line(terminal, "broken", "✗ failed")


def cancel_one(terminal: Terminal) -> None:
    """Cancel a task that runs; any key but y leaves it alone."""
    # In one go, as on a slow line: what follows the 3 is for the screen that it brings.
    terminal.press("3")
    narrow(terminal, "key:write_west")
    sees_line(terminal, "write_west", "● running")
    terminal.press("x")
    terminal.sees("[y/N]")
    terminal.press("enter")
    terminal.misses("[y/N]")
    sees_line(terminal, "write_west", "● running")
    terminal.press("x")
    terminal.sees("[y/N]")
    terminal.press("y")
    sees_line(terminal, "write_west", "cancelled")
    terminal.press("escape")
    sees_line(terminal, "write_north", "● running")


def retry_all(terminal: Terminal) -> None:
    """Mark whatever failed and run it again; it fails again."""
    terminal.press("4")
    terminal.sees("Retries/Dead  [all 1]")
    sees_line(terminal, "broken", "✗ failed", "1/1")
    terminal.press("*")
    terminal.sees("marks 1 (by filter)")
    terminal.press("r")
    terminal.sees("Retry", "[y/N]")
    terminal.press("y")
    terminal.misses("[y/N]")


def history(place: Home, key: str) -> list[str]:
    """Return the kinds of the events of one task of the sample."""
    found = place.run("events", "--task", f"2/{key}", "--json")
    assert found.returncode == 0, found.stderr
    return [json.loads(line)["kind"] for line in found.stdout.splitlines()]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_an_operator_starts_watches_mends_leaves_comes_back_and_stops_by_keys_alone(
    place: Home, size: tuple[int, int]
) -> None:
    with opened(place, size) as first:
        first.sees(" Pulse  idle", "nothing has run yet: o starts a job; try the sample")
        engine = place.has_engine()
        start_broken_sample(first)
        watch(first)
        read_log(first)
        cancel_one(first)
        retry_all(first)
        place.waits_for(
            "SELECT count(*) FROM attempt JOIN task ON task.id = task_id WHERE key = 'broken'", (2,)
        )
        # First to what was looked at there, then to the pulse itself.
        first.press("1")
        first.sees("/ family:")
        first.press("1")
        first.sees(" Pulse  working", "● running 3", "✗ failed 1")
        first.press("q")
        first.sees("Work is under way: d detaches")
        first.press("d")
        assert first.ends() == 0
    assert place.engine == engine
    with opened(place, size) as second:
        second.sees(" Pulse  working", "● running 3", "✗ failed 1")
        second.press("2")
        sees_line(second, "sample", "● running")
        second.press("q")
        second.sees("Work is under way: d detaches")
        second.press("n")
        second.misses("Work is under way")
        second.press("q")
        second.sees("Work is under way: d detaches")
        second.press("s")
        second.sees("Stop the engine for everyone?", "3 running tasks are ended")
        second.press("y")
        assert second.ends() == 0
    place.has_none()
    for written in (bytes(first.written), bytes(second.written)):
        assert b"Traceback" not in written
    ends = [kind for kind in history(place, "broken") if kind in ("task.claimed", "task.failed")]
    assert ends == ["task.claimed", "task.failed"] * 2, history(place, "broken")
    assert history(place, "write_west")[-1] == "task.cancelled"
    assert "task.cancelled" not in history(place, "write_north")


def test_make_run_in_a_new_data_directory_shows_the_budget_of_the_sample(tmp_path: Path) -> None:
    place = Home(tmp_path / "new")
    try:
        with opened(place, (120, 40)) as terminal:
            terminal.sees(" Pulse  idle")
            terminal.press("6")
            sees_line(terminal, "sample", "usd")
            terminal.press("q")
            assert terminal.ends() == 0
            assert b"a new data directory: wrote" in bytes(terminal.written)
        assert (place.path / "config.toml").read_bytes() == configuration_of("sample")
    finally:
        place.end()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux_the_sample_is_started_seen_through_and_left(place: Home) -> None:
    name = f"taskdeck-{uuid.uuid4().hex}"

    def tmux(*words: str) -> str:
        argv = ["tmux", "-L", name, "-f", "/dev/null", *words]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=environ, check=True)
        return done.stdout

    def sees(*texts: str) -> str:
        def there() -> str:
            shown = tmux("capture-pane", "-p")
            return shown if all(text in shown for text in texts) else ""

        return until_now(there, f"{texts} on the screen")

    left_out = ("TMUX", "TASKDECK_HOME", "TASKDECK_LINGER")
    environ = {key: value for key, value in place.environ.items() if key not in left_out}
    # tmux 3.3 now and then misses the end of its own child: the shell notes it.
    ending = place.path.parent / "ending"
    noted = ["sh", "-c", f'"$@"; echo $? > "{ending}"', "sh", *make_run(place)]
    run = ["new-session", "-d", "-x", "120", "-y", "40", *noted]
    tmux(*run, ";", "set-option", "-g", "remain-on-exit", "on")
    try:
        sees(" Pulse  idle", "nothing has run yet")
        tmux("send-keys", "o")
        sees("New job", "built in")
        tmux("send-keys", "-l", "sample")
        tmux("send-keys", "Enter")
        sees("New job: sample", "[ Submit ]")
        tmux("send-keys", "BTab", "Enter")
        sees("Job 2  sample  ✓ succeeded", "17/17", "summary", "↷ skipped")
        tmux("send-keys", "?")
        sees("Keys of this screen", "cancel (asks)")
        tmux("send-keys", "Escape")
        sees("Job 2  sample  ✓ succeeded")
        tmux("send-keys", "q")
        sees(" Pulse  idle", "✓ succeeded 16")
        tmux("send-keys", "q")
        until_now(lambda: tmux("list-panes", "-F", "#{pane_dead}").strip() == "1", "the console ends")
        assert "Traceback" not in tmux("capture-pane", "-p")
        assert ending.read_text() == "0\n"
    finally:
        tmux("kill-server")
    place.waits_for("SELECT name, status FROM job WHERE id > 1", ("sample", "succeeded"))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "keymap.toml",
            'nosuch = "t"\n',
            ("error[keymap.value]", "keymap.toml:1: 'nosuch' is not an action"),
        ),
        ("config.toml", "slotz = 1\n", ("the engine ended (exit 2)", "error[config.unknown]")),
    ],
    ids=["keymap", "settings"],
)
def test_a_fault_in_a_file_of_the_home_is_named_with_its_place(
    place: Home, file: str, text: str, said: tuple[str, ...]
) -> None:
    (place.path / file).write_text(text)
    with Terminal(place.argv("--home", str(place.path)), size=(160, 24)) as terminal:
        shown = terminal.sees(*said)
        assert "Traceback" not in shown
        terminal.press("q")
        terminal.ends()


def test_a_home_that_cannot_be_used_is_refused_before_the_screen(place: Home) -> None:
    with Terminal(place.argv("--home", "/proc/nope"), size=(100, 24)) as terminal:
        assert terminal.ends() == 4
        assert "error[config.home]: cannot use /proc/nope as data directory" in terminal.picture()
        assert b"\x1b[?1049h" not in bytes(terminal.written)


def test_what_a_newcomer_types_wrong_is_told_in_words_and_breaks_nothing(place: Home) -> None:
    flow = place.path.parent / "faulty.yaml"
    flow.write_text("name: faulty\ntasks:\n  - {key: a, uses: nosuch}\n  - {key: a, uses: shell, with: {}}\n")
    settings = {"TASKDECK_HOME": str(place.path), "TASKDECK_THEME": "nosuch"}
    with Terminal(place.argv(), size=(100, 30), environ=settings) as terminal:
        terminal.sees("'nosuch' is not a theme; there are:")
        terminal.sees(" Pulse  idle")
        terminal.press("o")
        sees_line(terminal, "sample", "built in")
        terminal.press(str(flow))
        sees_line(terminal, "faulty.yaml")
        terminal.press("enter")
        terminal.sees("faulty.yaml: ", "nothing was submitted", "3:", "nosuch")
        terminal.press("escape")
        terminal.sees("New job: pick a workflow")
        terminal.press("escape")
        terminal.sees(str(flow.parent)[:20])
        terminal.press("escape")
        terminal.sees(" Pulse  idle")
        terminal.press("3", "/", "ctrl+u", "statsu:failed", "enter")
        terminal.sees("statsu", "^")
        terminal.press("ctrl+u", "status:failed", "enter")
        terminal.sees("/ status:failed", "nothing matches the filter")
        terminal.press("q")
        assert terminal.ends() == 0
        assert b"Traceback" not in bytes(terminal.written)
