"""Tests of the log screen: whole outputs, search, attempts, colours, programs."""

from __future__ import annotations

import asyncio
import errno
import shutil
import tempfile
from contextlib import asynccontextmanager

from console.rows.listing import style_of
from console.screens.parts import log_programs
from console.widgets import log_window
from core.control.nouns.logs import CountInLog
from core.executors.output_search import Deadline
from core.model.log_views import LogCount, Way
from core.model.records import replace
from core.model.views import AttemptView, LogStream
from tests.console.support_console import HOSTILE, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl

OUT, ERR = LogStream.OUT, LogStream.ERR


def numbered(many: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(many))


@asynccontextmanager
async def log(output: bytes, *, status: str = "succeeded", size: tuple[int, int] = (100, 30), **more):
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "load", status=status, attempts=more.pop("attempts", 1))
    control.outputs[1] = output
    for name, value in more.items():
        setattr(control, name, value)
    async with console(control, size=size) as operator:
        await operator.press("3", "l")
        await operator.sees("Log of task 1 load")
        await operator.quiet()
        yield operator, control, operator.app.screen


def seen(screen) -> list[str]:
    """Return the lines of the view."""
    view = screen.view
    return ["".join(part.text for part in view.render_line(y)).rstrip() for y in range(view.size.height)]


async def look_for(operator, text: str) -> None:
    await operator.press("slash")
    await operator.sees("Search the whole output")
    await operator.type(text)
    await operator.press("enter")
    await operator.quiet()


async def comes(operator, text: str) -> None:
    """Let time pass until a text is on the screen."""
    for _ in range(200):
        await operator.beat()
        await operator.quiet()
        if text in "\n".join(strips_of(operator.app.screen)):
            return
    await operator.sees(text)


async def test_a_log_of_any_size_is_read_in_windows_from_end_to_begin(monkeypatch) -> None:
    monkeypatch.setattr(log_window, "MOST_LINES", 800)
    async with log(numbered(100_000)) as (operator, _, screen):
        await operator.sees("line 099999", "100% of 1.2 MB")
        assert len(screen.view.window.rows) <= 800
        for _ in range(3):
            await operator.press(*["pageup"] * 20)
            await operator.quiet()
        assert screen.view.top.text == f"line {100_000 - 61 * screen.view.size.height:06}"
        assert len(screen.view.window.rows) <= 800
        await operator.press("g")
        await operator.sees("line 000000", "line 1  0% of 1.2 MB")
        for _ in range(3):
            await operator.press(*["pagedown"] * 20)
            await operator.quiet()
        assert screen.view.top.text == f"line {60 * screen.view.size.height:06}"
        await operator.sees(f"line {60 * screen.view.size.height + 1:,}")
        await operator.press("G", "k", "j")
        await operator.sees("line 099999")


async def test_keys_that_come_while_lines_are_read_are_carried_out_behind_them() -> None:
    async with log(numbered(60_000)) as (operator, control, screen):
        read, may_answer = control.answer_log_lines, asyncio.Event()

        async def answer(request):
            await may_answer.wait()
            return await read(request)

        control.answer_log_lines = answer
        await operator.press("g", "j", "j", "pagedown", "k")
        assert screen.view.top.text > "line 059"
        may_answer.set()
        await operator.quiet()
        assert screen.view.top.text == f"line {1 + screen.view.size.height:06}"


async def test_following_stops_when_the_reader_moves_up_and_goes_on_at_the_end() -> None:
    async with log(numbered(300), status="running") as (operator, control, _):
        await operator.sees("line 000299", "following")
        await operator.press("k")
        await operator.sees("not following: F")
        control.outputs[1] += b"unseen\n"
        await operator.beat()
        await operator.misses("unseen")
        await operator.press("j", "j")
        await operator.sees("unseen", "  following")
        control.outputs[1] += b"half a "
        await operator.beat()
        await operator.sees("half a")
        control.outputs[1] += b"line\n"
        await operator.beat()
        await operator.sees("half a line", "/302")
        await operator.press("pageup", "F")
        await operator.sees("half a line", "  following")


async def test_a_search_goes_through_the_whole_output_counts_and_turns_round() -> None:
    marked = numbered(20_000).replace(b"line 000007", b"line NEEDLE").replace(b"line 012345", b"a needle ")
    async with log(marked) as (operator, control, screen):
        control.deadline = lambda: Deadline(seconds=0)
        await look_for(operator, "needle")
        await operator.sees("line NEEDLE", "match 1/2", "line 1 ")
        await operator.press("n")
        await operator.quiet()
        await operator.sees("a needle", "match 2/2")
        await operator.press("n")
        await operator.hears("from the other end again")
        await operator.sees("match 1/2")
        await operator.press("N")
        await operator.quiet()
        await operator.sees("match 2/2")
        assert not screen.browser.following
        await look_for(operator, "~line 0199[89]\\d$")
        await operator.sees("line 019980", "match 1/20")
        await operator.press("slash")
        await operator.type("~(")
        await operator.press("enter")
        await operator.sees("this is not a regular expression")
        await operator.press("escape")
        await look_for(operator, "nowhere")
        await operator.hears("no line holds it")
        await operator.sees("match 0")


async def test_escape_leaves_a_log_whose_matches_are_still_being_counted() -> None:
    async with log(b"needle\n" * 9) as (operator, control, screen):

        async def count_for_ever(request: CountInLog) -> LogCount:
            return await asyncio.Future[LogCount]()

        control.answer_count_in_log = count_for_ever  # type: ignore[method-assign]
        await operator.press("slash")
        await operator.type("needle")
        await operator.press("enter")
        await operator.sees("match 0 in 0%")
        await operator.press("escape")
        await operator.until(lambda: operator.app.screen is not screen, "the log is not left")


async def test_a_search_of_a_growing_output_counts_what_comes() -> None:
    async with log(b"needle\nhalf a nee", status="running") as (operator, control, _):
        await look_for(operator, "needle")
        await operator.sees("match 1/1")
        control.outputs[1] += b"dle, "
        await operator.press("F")
        await comes(operator, "match 1/2")
        control.outputs[1] += b"no other\nand a needle\n"
        await comes(operator, "match 1/3")


async def test_lines_that_look_like_errors_are_a_key_away() -> None:
    output = numbered(5_000) + b"ValueError: no\n" + numbered(5_000) + b"1 test FAILED\n" + numbered(50)
    async with log(output) as (operator, _, screen):
        await operator.press("left_parenthesis")
        await operator.quiet()
        await operator.sees("1 test FAILED")
        await operator.press("left_parenthesis")
        await operator.quiet()
        await operator.sees("ValueError: no")
        await operator.press("right_parenthesis")
        await operator.quiet()
        await operator.sees("1 test FAILED")
        assert (
            screen.view.window.rows[screen.view.window.index_of(screen.view.current)].text == "1 test FAILED"
        )


async def test_older_attempts_and_standard_error_are_a_key_away() -> None:
    more = {"earlier": {(1, 1): b"the first one\n", (1, 2): b"the second one\n"}, "errors": {1: b"oh no\n"}}
    async with log(b"the third one\n", attempts=3, **more) as (operator, control, _):
        details = control.task_detail
        ended = {"status": "failed", "started_at": NOW, "finished_at": NOW, "error": None}

        def detail(task_id: int):
            attempts = tuple(AttemptView(epoch=epoch, **ended) for epoch in (1, 2, 3))
            return replace(details(task_id), attempts=attempts)

        control.task_detail = detail
        await operator.press("escape", "l")
        await operator.sees("the third one", "attempt 3 of 3", "standard error apart: 6 bytes")
        await operator.press("left_curly_bracket")
        await operator.sees("the second one", "attempt 2 of 3")
        await operator.press("left_curly_bracket")
        await operator.sees("the first one", "attempt 1 of 3")
        await operator.press("left_curly_bracket")
        await operator.hears("this is the oldest attempt")
        await operator.press("right_curly_bracket", "right_curly_bracket")
        await operator.press("s")
        await operator.sees("STANDARD ERROR", "oh no")
        await operator.press("s")
        await operator.sees("the third one")


async def test_both_streams_are_woven_where_their_order_is_known_and_standard_error_is_marked() -> None:
    async with log(b"") as (operator, control, screen):
        task = screen.task_id
        await operator.sees("it has not run yet")
        control.weave(task, (OUT, b"asks\n"), (ERR, b"oh no\n"), (OUT, b"goes on\n"))
        await operator.press("ctrl+r")
        await operator.sees("  asks", "┃ oh no", "  goes on", "┃ standard error")
        lines = [line.rstrip() for line in strips_of(screen)]
        at = lines.index(" ┃ oh no")
        assert lines[at - 1 : at + 2] == ["   asks", " ┃ oh no", "   goes on"]
        mark = next(part.style for y in range(9) for part in screen.view.render_line(y) if "┃" in part.text)
        assert mark.color == style_of("failed", operator.app.desk.look).color
        await operator.press("slash")
        await operator.type("OH")
        await operator.press("enter")
        await operator.sees("1/1")
        await operator.press("y", "c")
        assert f"taskdeck logs {task} --attempt 1 --both" in operator.app.clipboard
        await operator.press("s")
        await operator.sees("asks", "goes on", "standard error apart: 6 bytes (s)")
        await operator.misses("oh no", "┃")
        await operator.press("s")
        await operator.sees("STANDARD ERROR", "oh no")
        await operator.press("s")
        await operator.sees("  asks", "┃ oh no", "  goes on")


async def test_a_stream_that_was_chosen_stays() -> None:
    async with log(b"only this\n") as (operator, control, screen):
        control.errors[screen.task_id] = b"oh no\n"
        await operator.press("ctrl+r")
        await operator.sees("standard error apart: 6 bytes (s)")
        await operator.press("s", "s")
        await operator.sees("only this")
        control.weave(screen.task_id, (OUT, b"only this\n"), (ERR, b"oh no\n"))
        await operator.press("ctrl+r")
        await operator.quiet()
        await operator.misses("┃")


async def test_colours_are_drawn_as_styles_and_everything_else_as_glyphs() -> None:
    coloured = "\x1b[31mred\x1b[0m plain \x1b[1;44mon blue\x1b[0m\n10%\r20%\n"
    output = f"{coloured}x{HOSTILE}\n\x1b[30mhidden\x1b[0m\n".encode()
    async with log(output) as (operator, _, screen):
        await operator.sees("red plain on blue", "20%", "]52;c;AAAA␇", "hidden")
        assert all(line.isprintable() for line in strips_of(screen))
        styles = {part.text: part.style for y in range(4) for part in screen.view.render_line(y)}
        theme = operator.app.ansi_theme
        assert styles["red"].color.triplet == theme.ansi_colors[1]
        assert styles["on blue"].bold
        assert styles["on blue"].bgcolor.triplet == theme.ansi_colors[4]
        # Black on a dark background would hide it.
        assert styles["hidden"].color == styles[" plain "].color


async def test_without_colours_only_weight_is_left(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with log(b"\x1b[1;31mloud\x1b[0m quiet\n") as (operator, _, screen):
        await operator.sees("loud quiet")
        styles = {part.text: part.style for part in screen.view.render_line(0)}
        assert styles["loud"].bold
        assert styles["loud"].color == styles[" quiet"].color


async def test_times_stand_in_front_of_lines_where_they_are_known() -> None:
    output = b"first\nsecond\nthird\n"
    async with log(output, times={1: ((6, NOW), (13, NOW + 61_000))}) as (operator, _, screen):
        await operator.press("t")
        lines = seen(screen)[:3]
        assert lines[0] == "--:--:-- first"
        clocks = [line.split()[0] for line in lines[1:]]
        assert [line.split()[1] for line in lines[1:]] == ["second", "third"]
        assert clocks[0][-2:] == f"{(int(clocks[1][-2:]) - 1) % 60:02}"
        await operator.press("t")
        assert seen(screen)[0].rstrip() == "first"


async def test_long_lines_are_scrolled_to_the_side() -> None:
    line = b"".join(b"%04d " % number for number in range(100))
    async with log(line + b"\nshort\n", size=(60, 20)) as (operator, _, screen):
        await operator.press("right")
        assert seen(screen)[0].startswith("…")
        assert "0007 0008" in seen(screen)[0]
        assert seen(screen)[0].rstrip().endswith("…")
        await operator.press(*["right"] * 20, "left")
        assert seen(screen)[1].strip() == "…"
        await operator.press(*["left"] * 20)
        assert seen(screen)[0].startswith("0000 0001")
        await operator.press("S")
        await operator.sees("┆ ")


async def test_the_output_is_shown_in_programs_and_fetched_from_another_machine(
    monkeypatch, tmp_path
) -> None:
    seen, script = tmp_path / "seen", tmp_path / "keep"
    script.write_text('#!/bin/sh\ncat "$1" > "${0%/*}/seen"\n')
    script.chmod(0o700)
    monkeypatch.setenv("PAGER", str(script))
    async with log(numbered(200_000)) as (operator, control, screen):
        screen.desk.host = "ana@box"

        class Suspended:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                return None

        monkeypatch.setattr(type(operator.app), "suspend", lambda _: Suspended())
        await operator.press("vertical_line")
        await operator.quiet()
        assert seen.read_bytes() == control.outputs[1]
        monkeypatch.setenv("PAGER", "/nowhere/pager")
        await operator.press("vertical_line")
        await operator.hears("cannot run /nowhere/pager: No such file or directory")
        monkeypatch.setenv("EDITOR", "false")
        monkeypatch.delenv("VISUAL", raising=False)
        await operator.press("E")
        await operator.hears("false ended with 1")


async def test_what_has_no_room_here_is_not_fetched_and_leaves_nothing_behind(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PAGER", "true")
    async with log(numbered(200_000)) as (operator, _, screen):
        screen.desk.host = "ana@box"
        with monkeypatch.context() as patched:
            patched.setattr(log_programs, "MOST", 1_000)
            await operator.press("vertical_line")
            await operator.hears("not fetched: the output has")

        async def full(_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(log_programs, "finish_in_thread", full)
        await operator.press("vertical_line")
        await operator.hears("not fetched: No space left on device (TMPDIR")
        assert list(tmp_path.glob("taskdeck-*")) == []


async def test_a_terminal_that_cannot_be_given_away_is_said() -> None:
    async with log(b"x\n") as (operator, _, _screen):
        await operator.press("vertical_line")
        await operator.hears("this terminal cannot be given to another program")


async def test_lines_path_and_command_are_copied(tmp_path) -> None:
    async with log(b"one\ntwo needle\n") as (operator, _, screen):
        await look_for(operator, "needle")
        await operator.press("y")
        seen = await operator.sees("line that was found: two needle", "path: /home/output/1/1/out")
        assert "command line: taskdeck logs 1 --attempt 1 --home /home" in seen
        screen.desk.host = "ana@box"
        await operator.press("l")
        await operator.hears("copied the lines in view")
        assert operator.app._clipboard == "one\ntwo needle"
        await operator.press("y")
        await operator.sees("taskdeck logs 1 --attempt 1 --host ana@box --home /home")


async def test_a_task_that_never_ran_takes_every_key() -> None:
    async with log(b"", status="queued", attempts=0) as (operator, _, screen):
        await operator.sees("it has not run yet", "no output")
        for key in ("g", "G", "slash", "n", "left_curly_bracket", "right_parenthesis", "t", "y"):
            await operator.press(key)
            if operator.app.screen is not screen or key == "slash":
                await operator.press("escape")
            await operator.quiet()
            assert operator.app.screen is screen, key
            assert not screen.load_error, key


def test_programs_come_from_the_environment_else_from_what_is_there(monkeypatch) -> None:
    monkeypatch.setenv("PAGER", "less -R")
    monkeypatch.setenv("VISUAL", "'")
    monkeypatch.setenv("EDITOR", "vim")
    assert (log_programs.pager(), log_programs.editor()) == (["less", "-R"], ["vim"])
    monkeypatch.setenv("PAGER", " ")
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/more" if name == "more" else None)
    assert log_programs.pager() == ["more"]


async def test_a_window_that_is_being_filled_is_not_shown_in_part() -> None:
    async with log(numbered(60_000)) as (operator, control, screen):
        read, may_answer = control.answer_log_lines, asyncio.Event()

        async def answer(request):
            if request.way is Way.BACKWARD:
                await may_answer.wait()
            return await read(request)

        control.answer_log_lines = answer
        await operator.press("slash")
        await operator.sees("Search the whole output")
        await operator.type("line 030000")
        await operator.press("enter")
        await operator.until(lambda: screen.view.window.rows[0].text == "line 030000", "it is not read")
        assert screen.view.rows[-1].text == "line 059999"
        screen.show_status()
        screen.view.refresh()
        await operator.sees("line 059999")
        may_answer.set()
        await operator.sees("line 030000", "line 029995")


async def test_the_log_of_what_has_no_output_of_its_own_says_who_has_it() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    group = control.add_group(job, "make", ["succeeded", "failed"])
    child = control.add_task(job, "sub", uses="workflow", status="waiting")
    async with console(control) as operator:
        operator.app.navigator.visit("log", group)
        await operator.sees("make  (a group: its instances have the output)")
        operator.app.navigator.visit("log", child)
        await operator.sees("sub  (it stands for a job: the tasks of that have the output)")
