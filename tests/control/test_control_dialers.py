"""Tests of dialers: failing or slow commands, and the handshake."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from core.control import dialers, wire
from core.control.api import DocumentText, StopMode, TaskSpec
from core.control.calls import HANDSHAKE_SECONDS
from core.control.dialers import CommandLine
from core.control.handshake import Welcome
from core.control.remote import RemoteControl
from core.control.transport import CommandDialer
from core.model.errors import Bug, Conflict, Invalid, NotFound, Unavailable
from tests.architecture.trees import run_python
from tests.control.answering import Answering, answer_with
from tests.control.control_stage import INFO
from tests.support.deck_doors import dialer
from tests.support.waiting import within

HEAVY = (
    "sqlalchemy",
    "aiosqlite",
    "alembic",
    "sqlite3",
    "uvicorn",
    "pydantic",
    "yaml",
    "core.store",
)


def through(*argv: str, patience: float = HANDSHAKE_SECONDS) -> RemoteControl:
    return RemoteControl(CommandDialer(argv), patience=patience)


def script(text: str, *, patience: float = HANDSHAKE_SECONDS) -> RemoteControl:
    return through("/bin/sh", "-c", text, patience=patience)


async def refusal(control: RemoteControl) -> Unavailable:
    async with control:
        with pytest.raises(Unavailable) as caught:
            await within(control.status(), "it is refused")
    return caught.value


def test_a_remote_control_loads_nothing_of_the_store_or_the_server() -> None:
    code = "import sys, core.control.remote\nprint('LOADED', *sys.modules)"
    result = run_python(code, cwd=Path(__file__).parents[2])
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.rpartition("LOADED")[2].split())
    assert {name for name in loaded if name.startswith(HEAVY)} == set()


async def test_a_command_carries_a_whole_conversation(remote):
    async with RemoteControl(dialer("command", remote.home)) as control:
        assert await control.status() == INFO
        ids = await control.enqueue([TaskSpec(uses="delay", with_={"seconds": 0})] * 3)
        assert [task.id for task in (await control.tasks()).rows] == list(ids)[::-1]


async def test_a_wait_through_a_command_hangs_up_when_it_is_cancelled(remote):
    async with RemoteControl(dialer("command", remote.home)) as control:
        waiting = asyncio.ensure_future(control.wait_job(3))
        await within(remote.engine.waits.wait(), "it waits")
        waiting.cancel()
        await within(remote.engine.dropped.wait(), "the engine hears of it")


async def test_a_file_is_carried_to_an_engine_that_cannot_read_it(remote, tmp_path, monkeypatch):
    (tmp_path / "flow.yaml").write_text("name: hé\n")
    (tmp_path / "latin").write_bytes(b"name: \xe9")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    async with RemoteControl(dialer("command", remote.home)) as control:
        await control.describe("flow.yaml")
        for path, kind in (("gone", NotFound), ("latin", Invalid), ("pipe", Invalid), (".", Invalid)):
            with pytest.raises(kind) as caught:
                await control.submit(path)
            assert caught.value.code.startswith("document.")
    text = DocumentText(name=str(tmp_path / "flow.yaml"), text="name: hé\n")
    assert remote.engine.asked == [("describe", text)]


async def test_a_command_that_is_not_there_is_no_engine():
    error = await refusal(through("/nowhere/ssh", "host"))
    assert error.code == "engine.none"
    assert "No such file" in error.message


async def test_what_a_failing_command_complains_of_is_quoted_in_one_safe_line():
    error = await refusal(script(r"printf 'no route\n\033[2Jto \\x host' >&2; exit 255"))
    assert (error.code, "exit 255" in error.message, "no route" in error.message) == (
        "engine.none",
        True,
        True,
    )
    assert error.message.isprintable()


async def test_complaints_are_kept_within_bounds():
    error = await refusal(script("head -c 5000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 3"))
    assert error.message.endswith("the end")
    assert len(error.message) < dialers.STDERR_BYTES + 200


async def test_a_command_that_never_answers_is_given_up():
    error = await refusal(script("echo Welcome to box; cat >/dev/null", patience=0.5))
    assert error.code == "engine.silent"


async def test_a_command_that_speaks_nonsense_is_no_engine():
    error = await refusal(script(r"printf 'Welcome to box\r\n\r\n'; cat >/dev/null"))
    assert error.code == "engine.none"


async def test_a_line_that_breaks_later_is_a_lost_engine_with_its_reason(tmp_path):
    welcome = wire.encode_answer(
        Welcome(protocol=wire.PROTOCOL, version="1", pid=1, epoch=1, state="serving")
    )
    (tmp_path / "welcome").write_bytes(answer_with(welcome))
    head = "for line in 1 2 3 4 5; do read line; done"
    text = f"{head}; cat {tmp_path}/welcome; {head}; echo line dropped >&2; exit 255"
    async with script(text) as control:
        with pytest.raises(Unavailable) as caught:
            await within(control.status(), "it breaks")
    assert (caught.value.code, "line dropped" in caught.value.message) == ("engine.lost", True)


async def test_commands_are_ended_with_their_control(remote, monkeypatch):
    lines: list[CommandLine] = []
    made = CommandLine.__init__

    def noted(self, *args, **more):
        made(self, *args, **more)
        lines.append(self)

    monkeypatch.setattr(CommandLine, "__init__", noted)
    async with RemoteControl(dialer("command", remote.home)) as control:
        await control.status()
        assert [line.has_ended for line in lines] == [False]
    assert [line.has_ended for line in lines] == [True]


async def test_a_command_that_will_not_go_is_killed(monkeypatch):
    monkeypatch.setattr(dialers, "_END_SECONDS", 0.2)
    dial = CommandDialer(["/bin/sh", "-c", "trap '' TERM; echo up; while :; do read x || sleep 1; done"])
    line = await dial.dial()
    assert await within(line.reader.readline(), "it is up") == b"up\n"
    await within(dial.close(), "it is killed")
    assert line.has_ended  # type: ignore[attr-defined]


async def test_a_command_is_over_though_what_it_started_holds_its_pipes(tmp_path, monkeypatch):
    # Without an end of patience: an end that is not noticed is waited for.
    monkeypatch.setattr(dialers, "_END_SECONDS", 3_600)
    # As the connection that ssh keeps for later commands: it has the standard error of the first one.
    dial = CommandDialer(["/bin/sh", "-c", f"sleep 300 & echo $! > {tmp_path}/kept; echo up; read line"])
    line = await dial.dial()
    assert await within(line.reader.readline(), "it is up") == b"up\n"
    try:
        await within(dial.close(), "it is over")
    finally:
        os.kill(int((tmp_path / "kept").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("protocol", [wire.PROTOCOL - 1, wire.PROTOCOL + 1])
async def test_another_protocol_is_refused_with_the_way_out(tmp_path, protocol):
    welcome = Welcome(protocol=protocol, version="9.9.9", pid=1, epoch=1, state="serving")
    async with Answering(tmp_path, welcome=answer_with(wire.encode_answer(welcome))) as (heard, control):
        with pytest.raises(Conflict) as caught:
            await control.enqueue([TaskSpec(uses="delay")])
        assert (caught.value.code, caught.value.facts) == (
            "engine.protocol",
            {"protocol": protocol, "version": "9.9.9"},
        )
        assert ("9.9.9" in caught.value.message, "taskdeck stop" in caught.value.hint) == (True, True)
        assert len(heard) == 1


async def test_an_engine_from_before_the_handshake_is_of_another_protocol(tmp_path):
    async with Answering(tmp_path, welcome=answer_with(b"Not Found", 404)) as (_, control):
        with pytest.raises(Conflict) as caught:
            await control.status()
        assert caught.value.code == "engine.protocol"


async def test_an_engine_of_any_protocol_can_be_stopped(tmp_path):
    async with Answering(tmp_path, welcome=b"", answer=answer_with(b"{}")) as (heard, control):
        await control.stop_engine(StopMode.DRAIN, actor="ann")
    assert heard[0].startswith(b"POST /stop ")
    assert heard[0].endswith(b'{"how":"drain","actor":"ann"}')


async def test_a_newer_engine_of_this_protocol_is_spoken_to_and_tells_its_version(tmp_path):
    info = b'{"version":"99.0","pid":1,"epoch":2,"slots":3,"running":0,"home":"/h","mood":"fine"}'
    welcome = b'{"protocol":%d,"version":"99.0","pid":1,"epoch":2,"state":"new","more":1}' % wire.PROTOCOL
    async with Answering(tmp_path, welcome=answer_with(welcome), answer=answer_with(info)) as (
        heard,
        control,
    ):
        assert (await control.status()).version == "99.0"
    assert [data.split()[1] for data in heard] == [b"/hello", b"/v%d/status" % wire.PROTOCOL]


async def test_a_control_says_hello_once(remote):
    said: list[str] = []
    control = remote.control
    send = control._calls._send

    async def noted(path, content):
        said.append(path)
        return await send(path, content)

    control._calls._send = noted
    await asyncio.gather(*(control.status() for _ in range(5)))
    assert said.count(wire.HELLO) == 1


async def test_a_garbled_welcome_is_a_bug(tmp_path):
    async with Answering(tmp_path, welcome=answer_with(b"[]")) as (_, control):
        with pytest.raises(Bug) as caught:
            await control.status()
        assert caught.value.code == "engine.garbled"


async def test_a_dropped_line_leaves_the_exit_status_to_the_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    command = CommandDialer(("cat",))
    line = await command.dial()
    assert isinstance(line, CommandLine)
    popen = line._transport.get_extra_info("subprocess")  # type: ignore[attr-defined]
    asked: list[bool] = []
    monkeypatch.setattr(popen, "poll", lambda: asked.append(True))
    line.drop()
    assert asked == []
    monkeypatch.undo()
    await within(command.close(), "the command has ended")
