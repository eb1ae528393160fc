"""On a terminal: own sequences only, widths, the progress line, colours, questions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.cli_stage import command, environment
from tests.support.terminal import Terminal

SEQUENCE = re.compile(r"\x1b\[[0-9;]*m|\r\x1b\[K|\x1b\[K")


def spawn(home: Path, *words: str, columns: int = 120, **more: str) -> Terminal:
    """Start a command line on a terminal."""
    return Terminal(command(*words), size=(columns, 30), environ={**environment(home), **more})


def read(terminal: Terminal) -> tuple[int, str]:
    """Return exit status and all that a command wrote."""
    with terminal:
        status = terminal.ends()
        terminal.picture()
    return status, terminal.written.decode()


@pytest.mark.parametrize(
    "words",
    [
        ["jobs"],
        ["tasks"],
        ["show", "2"],
        ["logs", "2/bad"],
        ["events", "--job", "2"],
        ["logs", "no\x1b[2Jthing"],
    ],
    ids=lambda words: words[0],
)
def test_hostile_data_leaves_only_our_own_sequences_and_visible_glyphs(
    stored_home: Path, words: list[str]
) -> None:
    _, shown = read(spawn(stored_home, *words, columns=300))
    rest = SEQUENCE.sub("", shown)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest)
    assert "␛[" in rest or words[0] == "events"


def test_hostile_text_is_visible_where_a_run_shows_it(stored_home: Path, home: Path) -> None:
    flow = stored_home.parent / "stored.json"
    status, shown = read(spawn(home, "run", str(flow), columns=200))
    rest = SEQUENCE.sub("", shown)
    assert status == 1
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest)
    assert "job 2 stored ␛[31mred␛]52;c;AAAA␇‹U+009B›2J‹U+202E›[bold]" in rest


def test_exec_is_safe_text_on_a_terminal(home: Path) -> None:
    status, shown = read(spawn(home, "exec", "--", "printf", "\\033]0;title\\007\\n"))
    assert status == 0
    assert "␛]0;title␇" in shown
    assert "\x1b]" not in shown


def test_no_colour_is_written_where_none_is_wanted(stored_home: Path) -> None:
    assert "\x1b[" not in read(spawn(stored_home, "jobs", NO_COLOR="1"))[1]
    assert "\x1b[" not in read(spawn(stored_home, "jobs", TERM="dumb"))[1]


@pytest.mark.parametrize("columns", [20, 90])
def test_tables_fit_the_width_of_the_terminal(stored_home: Path, columns: int) -> None:
    _, shown = read(spawn(stored_home, "tasks", columns=columns, NO_COLOR="1"))
    assert all(len(line) <= columns for line in shown.splitlines())
    assert "TASK" in shown


def test_a_run_rewrites_one_line_and_an_interrupt_leaves_its_job_to_the_engine(
    home: Path, write: Callable[[str, object], str]
) -> None:
    flow = write(
        "flow.yaml",
        "name: flow\ntasks: [{key: a, uses: delay, with: {seconds: 0}},"
        " {key: b, uses: shell, with: {argv: [sleep, '3600']}}]\n",
    )
    child = spawn(home, "run", flow, columns=60)
    child.until(lambda: b"\r[############------------] 1/2  running 1" in child.written, "it does not run")
    child.press("ctrl+c")
    status, rest = read(child)
    assert status == 130
    assert "left job 2; the engine continues it" in rest
    assert "taskdeck wait 2" in rest
    status, shown = read(spawn(home, "tasks", "--where", "key:b", NO_COLOR="1"))
    assert " running " in shown
    assert read(spawn(home, "stop", "--kill"))[0] == 0


def test_many_targets_are_asked_about(home: Path, write: Callable[[str, object], str]) -> None:
    tasks = ", ".join(f"{{key: t{number}, uses: shell, with: {{argv: ['false']}}}}" for number in range(22))
    assert read(spawn(home, "run", write("f.yaml", f"name: f\non_task_failure: continue\ntasks: [{tasks}]")))[
        0
    ]
    child = spawn(home, "retry", "--where", "status:failed")
    child.sees("retry 22 targets? [y/N]")
    child.press("n", "enter")
    status, rest = read(child)
    assert (status, "nothing was changed" in rest) == (130, True)
    child = spawn(home, "retry", "--where", "status:failed")
    child.sees("[y/N]")
    child.press("y", "enter")
    assert "retried 22" in read(child)[1]
    status, shown = read(spawn(home, "cancel", "--where", "status:queued", "--yes"))
    assert "?" not in shown


def test_a_priority_of_a_group_asks_about_its_instances(
    home: Path, write: Callable[[str, object], str]
) -> None:
    flag = home.parent / "begun"
    group = f"{{key: g, for_each: 1..25, uses: shell, with: {{script: 'touch {flag}; exec sleep 3600'}}}}"
    child = spawn(home, "run", write("g.yaml", f"name: g\ntasks: [{group}]\n"))
    child.until(flag.exists, "no instance runs")
    child.press("ctrl+c")
    assert read(child)[0] == 130
    child = spawn(home, "priority", "2/g", "--to", "5")
    child.sees("prioritise 26 targets? [y/N]")
    child.press("y", "enter")
    assert "prioritised 26" in read(child)[1]
    assert "?" not in read(spawn(home, "priority", "2/g[3]", "--to", "6"))[1]
    assert read(spawn(home, "stop", "--kill"))[0] == 0


def test_notify_rings_and_tells_the_desktop_in_safe_text_when_it_has_ended(
    stored_home: Path, home: Path
) -> None:
    flow = stored_home.parent / "stored.json"
    told = "job 2 stored ␛[31mred␛]52;c;AAAA␇‹U+009B›2J‹U+202E›[bold] failed"
    status, shown = read(spawn(home, "run", str(flow), "--notify", columns=200, TERM="xterm-256color"))
    assert status == 1
    assert f"\x07\x1b]9;taskdeck: {told}\x07" in shown
    _, again = read(spawn(home, "wait", "2", "--notify", TERM="xterm-256color", TMUX="x"))
    assert "\x07\x1bPtmux;\x1b\x1b]9;taskdeck: job 2 failed\x07\x1b\\" in again
    _, plain = read(spawn(home, "wait", "2", "--notify", TERM="linux"))
    assert "]9;" not in plain
    assert "\x07" in plain
    _, quiet = read(spawn(home, "wait", "2", TERM="xterm-256color"))
    assert "\x07" not in quiet
