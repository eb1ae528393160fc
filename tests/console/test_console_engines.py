"""Tests of starting, losing and ending engines from the console."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from console import launch
from console.engine_lifecycle.starters import DialedEngine, EmbeddedEngine, SpawnedEngine
from console.feed import Feed
from console.sessions.flags import can_draw
from console.shell.app import ConsoleApp, ConsoleOptions
from core.control.api import StopMode
from core.model.errors import Unavailable
from core.model.events import KINDS
from core.model.records import replace
from tests.console.support_console import Operator, console
from tests.console.support_fake_control import INFO, FakeControl
from tests.support.waiting import until


def child(tmp_path: Path, code: str) -> SpawnedEngine:
    return SpawnedEngine([sys.executable, "-c", code], tmp_path / "engine.log")


async def test_an_engine_that_ends_is_told_once_with_its_last_words(tmp_path: Path) -> None:
    starter = child(tmp_path, "print('one'); print('no room \\x1b[2J left'); raise SystemExit(4)")
    starter.start()
    told: list[str] = []
    await until(lambda: told or told.extend(filter(None, [starter.failure()])), "the end was not noticed")
    assert told == ["the engine ended (exit 4): no room ␛[2J left"]
    assert starter.failure() is None


async def test_of_an_engine_that_refused_the_reason_is_told_not_the_hint(tmp_path: Path) -> None:
    starter = child(tmp_path, "print('error[config.value]: slotz'); print('hint: mend'); raise SystemExit(4)")
    starter.start()
    told: list[str] = []
    await until(lambda: told or told.extend(filter(None, [starter.failure()])), "the end was not noticed")
    assert told == ["the engine ended (exit 4): error[config.value]: slotz"]


async def test_of_an_engine_that_was_killed_the_signal_is_told_not_its_last_words(tmp_path: Path) -> None:
    starter = child(tmp_path, "print('serving', flush=True); import os; os.kill(os.getpid(), 9)")
    starter.start()
    assert (
        await until(starter.failure, "the end was not noticed") == "the engine was ended by signal 9 (Killed)"
    )


async def test_an_engine_that_lives_is_not_started_twice_and_has_a_session_of_its_own(tmp_path: Path) -> None:
    starter = child(tmp_path, "import sys; sys.stdin.read(); import signal; signal.pause()")
    starter.start()
    pid = starter.pid
    assert pid is not None
    starter.start()
    assert starter.pid == pid
    assert os.getsid(pid) == pid
    os.kill(pid, 9)
    await until(starter.failure, "the end was not noticed")
    starter.start()
    assert starter.pid != pid
    os.kill(starter.pid, 9)
    await until(starter.failure, "the end was not noticed")


async def test_an_engine_that_does_not_answer_yet_is_called_off(tmp_path: Path) -> None:
    starter = child(tmp_path, "import signal; signal.pause()")
    starter.call_off()
    starter.start()
    starter.call_off()
    await until(starter.failure, "it lives on")


def test_an_engine_that_cannot_be_started_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot start an engine"):
        SpawnedEngine([str(tmp_path / "none")], tmp_path / "engine.log").start()


class OwnEngine(SpawnedEngine):
    """Starts nothing; says that the engine of the fake control is its own."""

    def __init__(self, control: FakeControl) -> None:
        super().__init__([], Path("/dev/null"))
        self.control = control
        self.starts = 0

    @property
    def pid(self) -> int:
        return INFO.pid

    def start(self) -> None:
        self.starts += 1
        self.control.engine = INFO


@pytest.mark.parametrize(("running", "starts"), [(False, 1), (True, 0)])
async def test_the_console_starts_an_engine_when_none_answers_and_only_then(running, starts) -> None:
    control = FakeControl()
    control.engine = INFO if running else None
    starter = OwnEngine(control)
    async with ConsoleApp(control, ConsoleOptions(tick=0, starter=starter)).run_test() as pilot:
        operator = Operator(pilot.app, pilot)
        await operator.until(lambda: control.engine, "no engine was started")
        await operator.beat()
        await operator.press("2")
        await operator.sees("row 0/0")
        await operator.misses("NO ENGINE")
    assert starter.starts == starts


async def test_until_the_engine_that_was_started_answers_the_screen_says_so_and_no_load_stays_failed(
    tmp_path: Path,
) -> None:
    control = FakeControl()
    control.engine = None
    starter = child(tmp_path, "import signal; signal.pause()")
    async with ConsoleApp(control, ConsoleOptions(tick=0, starter=starter)).run_test() as pilot:
        operator = Operator(pilot.app, pilot)
        await operator.sees("an engine is starting", "STARTING")
        await operator.misses("STALE", "NO ENGINE", "!")
        starter.call_off()
        await until(lambda: not starter.lives, "it did not end")
        await operator.beat()
        await operator.sees("no engine answers: E starts one", "NO ENGINE")
        control.engine = INFO
        await operator.beat()
        await operator.sees("slots 0/4", "nothing waits")


async def test_a_load_that_failed_is_tried_again_though_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = FakeControl()
    control.add_job("nightly")

    async def refuse(_: object) -> None:
        raise Unavailable("store.busy", "the store is busy")

    async with console(control, at="2") as operator:
        await operator.sees("nightly")
        with monkeypatch.context() as patched:
            patched.setattr(control, "answer_jobs", refuse)
            await operator.press("ctrl+r")
            await operator.sees("! the store is busy")
        operator.app.screen.refresh_ages()
        await operator.misses("! the store is busy")


@pytest.mark.parametrize(
    ("busy", "own", "keys", "stopped"),
    [
        (False, True, (), False),
        (True, True, ("d",), False),
        (True, True, ("s", "y"), True),
        (True, False, ("d",), False),
        (True, False, ("s", "y"), True),
        (False, False, (), False),
    ],
)
async def test_leaving_lets_an_idle_engine_end_by_itself_and_asks_about_a_busy_one(
    busy: bool, own: bool, keys: tuple[str, ...], stopped: bool
) -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="queued" if busy else "succeeded")
    control.engine = INFO if own else replace(INFO, pid=99)
    app = ConsoleApp(control, ConsoleOptions(tick=0, starter=OwnEngine(control)))
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.press("2")
        await operator.sees("row 1/1")
        await operator.press("q")
        if keys:
            await operator.sees("Work is under way")
            await operator.press(*keys[:1])
        if keys[1:]:
            await operator.sees("Stop the engine for everyone? 0 running tasks are ended", "[y/N]")
            await operator.press(*keys[1:])
        await operator.until(lambda: not app.is_running or app._exit, "the console did not leave")
    assert control.asked == ([("stop", StopMode.STOP)] if stopped else [])


@pytest.mark.parametrize("keys", [("n",), ("enter",), ("s", "s"), ("s", "n"), ("r", "enter"), ("r", "r")])
async def test_n_means_no_and_no_key_ends_the_work_of_others_alone(keys: tuple[str, ...]) -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="running")
    app = ConsoleApp(control, ConsoleOptions(tick=0, starter=OwnEngine(control)))
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.press("2")
        await operator.sees("row 1/1")
        await operator.press("q")
        await operator.sees("Work is under way")
        await operator.press(*keys)
        await operator.misses("Work is under way", "[y/N]")
        await operator.sees("Jobs")
        assert not app._exit
    assert control.asked == []


async def test_an_engine_that_ends_is_shown_on_every_screen_with_the_way_back() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="running")
    app = ConsoleApp(control, ConsoleOptions(tick=0, starter=OwnEngine(control)))
    async with app.run_test(size=(80, 24)) as pilot:
        operator = Operator(app, pilot)
        control.engine = replace(INFO, state="draining")
        for key in ("1", "2", "3", "4", "7", "0"):
            await operator.press(key)
            await operator.beat()
            await operator.sees(" DRAINING: E takes it back ")
        await operator.press("E")
        await operator.sees("take that back")
        await operator.press("n")
        await operator.sees("DRAINING")
        await operator.press("E", "y")
        await operator.hears("the engine starts tasks again")
        await operator.misses("DRAINING")
        control.engine = replace(INFO, state="stopping")
        await operator.beat()
        await operator.sees("STOPPING: E then starts one")
        await operator.press("E")
        await operator.hears("the engine is stopping; E starts one when it has ended")
    assert control.asked == [("resume", "engine")]


async def test_the_console_sees_an_engine_go_and_come_back() -> None:
    control = FakeControl()
    control.add_job("nightly")
    async with console(control) as operator:
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE", "nightly")
        control.engine = INFO
        await operator.beat()
        await operator.misses("NO ENGINE")


async def test_the_feed_keeps_the_last_counts_when_the_store_cannot_be_read() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="running")
    feed = Feed(control)
    assert await feed.ask() == frozenset(KINDS)
    assert feed.pulse.tasks == {"running": 1}
    control.broken = Unavailable("store.busy", "busy")
    assert await feed.ask() == frozenset()
    assert feed.pulse.tasks == {"running": 1}
    assert feed.pulse.trouble == "busy"
    assert feed.pulse.engine == INFO


class EngineBeside:
    """Stands for an engine in this process."""

    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


async def test_an_embedded_engine_cannot_be_left_running() -> None:
    control, starter = FakeControl(), EmbeddedEngine(EngineBeside())
    control.add_task(control.add_job(), status="running")
    control.engine = replace(INFO, pid=os.getpid())
    app = ConsoleApp(control, ConsoleOptions(tick=0, starter=starter))
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.press("2")
        await operator.sees("row 1/1")
        await operator.press("q")
        await operator.sees("its engine ends with this console")
        await operator.press("d")
        await operator.sees("Jobs")
        assert not app._exit
        await operator.press("q")
        await operator.sees("its engine ends with this console")
        await operator.press("r")
        await operator.sees("Drain the engine for everyone?")
        await operator.press("y")
        await operator.until(lambda: not app.is_running or app._exit, "the console did not leave")
    assert control.asked == [("stop", StopMode.DRAIN)]


def test_an_embedded_engine_that_ended_is_not_started_anew_and_is_called_off_beside() -> None:
    beside = EngineBeside()
    starter = EmbeddedEngine(beside)
    with pytest.raises(Unavailable, match="has ended"):
        starter.start()
    starter.call_off()
    assert beside.stops == 1


async def test_who_lost_the_race_for_the_home_or_had_nothing_to_do_is_no_failure(tmp_path: Path) -> None:
    for number, code in enumerate(("print('error[engine.running]: x'); raise SystemExit(4)", "print('bye')")):
        starter = SpawnedEngine([sys.executable, "-c", code], tmp_path / f"{number}.log")
        starter.start()
        process = starter._process
        assert process is not None
        await until(lambda process=process: process.poll() is not None, "it did not end")
        assert starter.failure() is None


def test_a_dialed_engine_is_started_by_whoever_dials() -> None:
    starter = DialedEngine()
    starter.start()
    assert (starter.pid, starter.failure()) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], True),
        (["--home", "/x"], True),
        (["--home=/x", "--host", "u@b"], True),
        (["--watch", "--plain"], True),
        (["--watch", "5"], True),
        (["--embeded"], True),
        (["jobs"], False),
        (["--help"], False),
        (["--home", "/x", "jobs"], False),
        (["--host=u@b", "jobs"], False),
    ],
)
def test_the_console_opens_where_no_command_is_named(arguments: list[str], wanted: bool) -> None:
    assert (launch._choose(arguments) is launch._run_console) is wanted


@pytest.mark.parametrize(
    ("term", "tty", "wanted"),
    [("xterm", True, True), ("dumb", True, False), ("", True, False), ("xterm", False, False)],
)
def test_a_screen_is_shown_on_a_terminal_that_can_draw(
    monkeypatch: pytest.MonkeyPatch, term: str, tty: bool, wanted: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: tty, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty, raising=False)
    assert can_draw() is wanted


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--embedded", "--host", "u@b"], "choose one"),
        (["--embedded", "--plain"], "needs the screen"),
        (["--embedded"], "needs a terminal"),
        (["--remote-command", "x"], "needs a --host"),
        (["--host", "-oProxyCommand=x"], "--host"),
        (["--watch", "0"], "between 0.1 and 86400"),
        (["--embeded"], "--embeded"),
    ],
)
def test_flags_that_do_not_go_together_are_usage_errors(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert launch.main(arguments) == 2
    assert said in capsys.readouterr().err
