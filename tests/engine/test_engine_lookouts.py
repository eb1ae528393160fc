"""Tasks that wait for files, other jobs and polls, in an engine."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from core.config import load
from core.connectors.http import Http
from core.connectors.outside_waits import FileWait, JobWait
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.control.api import Target
from core.engine.looks import file_looks
from core.model.commands.work import SubmitOptions
from core.model.errors import InvalidDocument, Unavailable
from core.store.reports.lookouts import Lookout
from tests.connectors.http_servers import Server, reply, serving
from tests.support.house import House, task


@pytest.fixture
def watching(empty_house: House, tmp_path: Path) -> House:
    """Return a house whose engine knows tasks that wait for the world; it is not open."""
    empty_house.registry = lambda: Registry(
        [Shell(), Http(load(tmp_path)), FileWait(), JobWait(), empty_house.steer]
    )
    return empty_house


def file(of: str, /, *needs: object, **with_: object) -> dict:
    return {"key": of, "uses": "file", "needs": list(needs), "with": with_}


def job(of: str, /, **with_: object) -> dict:
    return {"key": of, "uses": "job", "with": with_}


def poll(of: str, server: Server, /, until: str = "json.state == 'done'", **more: object) -> dict:
    """Return a task that asks a server each ten seconds."""
    rest = more.pop("with", {})
    poll_ = {"until": until, "every": "10s", **more}
    return {"key": of, "uses": "http", "with": {"url": server.url("/jobs/7"), "poll": poll_, **rest}}  # type: ignore[dict-item]


def says(state: str, status: int = 200, **headers: str) -> bytes:
    body = json.dumps({"state": state, "id": 7}).encode()
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return reply(status, body, "Content-Type: application/json", *lines)


def writes(house: House) -> int:
    """Return how many transactions and events the store has seen."""
    return house.last_event()


async def pass_time(house: House, seconds: int) -> None:
    """Let time pass, second by second, and what follows from each happen."""
    await nothing_is_looked_at(house)
    for _ in range(seconds):
        house.clock.advance(seconds=1)
        await nothing_is_looked_at(house)


async def nothing_is_looked_at(house: House) -> None:
    """Return when the engine has heard of all that waits, and no look at it is under way."""
    await house.settle()
    looks = house.engine._lookouts
    while looks._is_reading or looks._loops.files._work or looks._loops.polls._work:  # type: ignore[attr-defined]
        await asyncio.to_thread(os.sched_yield)
        await house.settle()


async def seconds_to(house: House, server: Server, asked: int) -> int:
    """Let time pass until a server was asked so often; return how many seconds that took."""
    for seconds in range(120):
        if len(server.requests) >= asked:
            return seconds
        await pass_time(house, 1)
    raise AssertionError(f"it was asked {len(server.requests)} times, not {asked}")


async def test_a_file_that_is_there_already_answers_at_once(watching: House):
    await watching.open()
    path = watching.paths.home / "in.csv"
    path.write_text("abc")
    work = await watching.submit(
        file("f", path=str(path)), task("b", "succeed", "f", steer={"read": "${{ tasks.f.output }}"})
    )
    await watching.reach(work, "b", "succeeded")
    (read,) = [one["read"] for one in watching.steer.inputs["b"]]
    assert (read["path"], read["size"]) == (str(path), 3)
    assert str(read["modified"]).startswith("20")
    assert watching.history(work, "f") == ["task.waiting", "task.succeeded"]


async def test_a_file_that_comes_later_ends_the_wait_without_a_write_before(watching: House):
    await watching.open(slots=1)
    path = watching.paths.home / "late.csv"
    work = await watching.submit(file("f", path=str(path)))
    await watching.reach(work, "f", "waiting")
    await pass_time(watching, 3)
    before = watching.last_event()
    await pass_time(watching, 30)
    assert watching.last_event() == before
    assert (await watching.finish(task("other"))).status == "succeeded"
    path.write_text("now")
    await pass_time(watching, 2)
    assert watching.states(work) == {"f": "succeeded"}


async def test_a_file_that_still_grows_is_waited_for_until_it_has_been_still(watching: House):
    await watching.open()
    path = watching.paths.home / "grows.csv"
    path.write_text("a")
    # As new as the clock of the engine says, whose years are not those of the disk.
    work = await watching.submit(file("f", path=str(path), stable_for="20s"))
    await watching.reach(work, "f", "waiting")
    for number in range(4):
        await pass_time(watching, 10)
        path.write_text("a" * (number + 2))
    assert watching.states(work) == {"f": "waiting"}
    await pass_time(watching, 22)
    assert watching.states(work) == {"f": "succeeded"}


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "${{ params.at }}"])
async def test_a_file_elsewhere_is_refused(watching: House, path: str):
    await watching.open()
    work = await watching.submit(
        file("f", path=path), params={"at": {"type": "string"}}, given={"at": "../../../../../../etc/passwd"}
    )
    await watching.reach(work, "f", "failed")
    assert await watching.code(work, "f") == "file.outside"


async def test_a_link_that_leads_out_is_refused_when_it_comes_and_so_is_a_folder(watching: House):
    await watching.open()
    home = watching.paths.home
    work = await watching.submit(
        file("link", path=str(home / "link")),
        file("folder", path=str(home / "folder")),
        file("inside", path=str(home / "inside")),
        on_task_failure="continue",
    )
    await watching.reach(work, "folder", "waiting")
    (home / "link").symlink_to("/etc/passwd")
    (home / "folder").mkdir()
    (home / "real").write_text("x")
    (home / "inside").symlink_to("real")
    await pass_time(watching, 3)
    assert watching.states(work) == {"link": "failed", "folder": "failed", "inside": "succeeded"}
    codes = [await watching.code(work, key) for key in ("link", "folder")]
    assert codes == ["file.outside", "file.unreadable"]


async def test_a_wait_for_a_file_goes_on_after_a_kill_is_held_and_ends_by_its_deadline(watching: House):
    await watching.open()
    home = watching.paths.home
    work = await watching.submit(
        file("a", path=str(home / "a")),
        file("b", path=str(home / "b"), timeout="1m"),
        file("c", path=str(home / "c")),
        on_task_failure="continue",
    )
    await watching.reach(work, "c", "waiting")
    await watching.control.hold(watching.target(work, "c"))
    await watching.engine._lookouts.end()
    await watching.open()
    (home / "a").write_text("x")
    (home / "c").write_text("x")
    await pass_time(watching, 2)
    assert watching.states(work) == {"a": "succeeded", "b": "waiting", "c": "held"}
    await watching.control.unhold(watching.target(work, "c"))
    await pass_time(watching, 2)
    assert watching.states(work)["c"] == "succeeded"
    await pass_time(watching, 60)
    assert await watching.code(work, "b") == "file.timeout"


async def test_a_cancelled_wait_is_looked_for_no_more(watching: House):
    await watching.open()
    work = await watching.submit(file("f", path=str(watching.paths.home / "f")))
    await watching.reach(work, "f", "waiting")
    await watching.until(lambda: watching.engine._lookouts.any, "it is looked for")
    await watching.control.cancel(Target(job_id=work))
    await watching.until(lambda: not watching.engine._lookouts.any, "it is looked for no more")


async def test_a_job_waits_for_another_by_its_key_also_when_that_comes_later(watching: House):
    await watching.open()
    work = await watching.submit(
        job("w", key="${{ params.day }}"),
        task("b", "succeed", "w", steer={"read": "${{ tasks.w.output.status }}"}),
        params={"day": {"type": "string"}},
        given={"day": "day-1"},
    )
    await watching.reach(work, "w", "waiting")
    document = {"name": "extract", "tasks": [task("x")]}
    await watching.control.submit(document, {}, options=SubmitOptions(client_key="day-1"))
    assert (await watching.ended(work)).status == "succeeded"
    assert [one["read"] for one in watching.steer.inputs["b"]] == ["succeeded"]


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({}, "tasks[0].with"),
        ({"id": 3, "key": "x"}, "tasks[0].with"),
        ({"id": 1}, "tasks[0].with.id"),
        ({"name": "x", "status": "suceeded"}, "tasks[0].with.status"),
        ({"nam": "x"}, "tasks[0].with.nam"),
    ],
)
async def test_faults_of_a_wait_for_a_job_have_their_places(watching: House, with_: dict, path: str):
    await watching.open()
    with pytest.raises(InvalidDocument) as caught:
        await watching.submit(job("w", **with_))
    assert path in [fault.path for fault in caught.value.faults]


async def test_a_poll_asks_outside_its_slot_until_the_answer_says_so(watching: House):
    await watching.open(slots=1)
    async with serving() as server:
        server.answers += [says("queued"), says("queued"), says("running"), says("running"), says("done")]
        work = await watching.submit(
            poll("p", server), task("b", "succeed", "p", steer={"read": "${{ tasks.p.output.json.state }}"})
        )
        await watching.reach(work, "p", "waiting")
        assert (await watching.finish(task("other"))).status == "succeeded"
        await seconds_to(watching, server, 2)
        await pass_time(watching, 2)
        before = watching.last_event()
        assert watching.history(work, "p")[-1] == "task.parked"
        await seconds_to(watching, server, 4)
        await pass_time(watching, 2)
        # Only what is new is written.
        assert watching.last_event() == before + 1
        await seconds_to(watching, server, 5)
        await watching.reach(work, "b", "succeeded")
    assert [one["read"] for one in watching.steer.inputs["b"]] == ["done"]
    assert watching.attempts(work, "p") == ["parked"]
    assert watching.rows("SELECT looks, seen FROM attempt WHERE looks") == [
        (5, '{"status":200,"json.state":"running"}')
    ]
    assert {one.method for one in server.requests} == {"GET"}


def keeps(server: Server, left: Path, **more: object) -> dict:
    """Return a poll that sets a variable from its last answer and keeps a file."""
    said = {"set": {"state": "${{ output.json.state }}"}, "artifacts": {"got": str(left)}, **more}
    return {**poll("p", server), **said}


async def test_the_last_answer_of_a_poll_sets_variables_and_keeps_artifacts_with_its_end(watching: House):
    await watching.open()
    left = watching.paths.home / "got.txt"
    async with serving() as server:
        server.answers += [says("queued"), says("done")]
        after = task(
            "b", "succeed", "p", when="${{ vars.state == 'done' && tasks.p.artifacts.got.size == 4 }}"
        )
        work = await watching.submit(keeps(server, left), after, variables={"state": "none"})
        await watching.reach(work, "p", "waiting")
        assert watching.rows("SELECT value FROM variable") == [('"none"',)]
        left.write_text("text")
        await seconds_to(watching, server, 2)
        await watching.reach(work, "b", "succeeded")
    assert watching.rows("SELECT name, epoch, size FROM artifact") == [("got", 1, 4)]
    events = watching.rows("SELECT kind, attempt FROM event WHERE kind IN ('variable.set', 'artifact.kept')")
    assert sorted(events) == [("artifact.kept", 1), ("variable.set", 1)]


@pytest.mark.parametrize(
    ("more", "code"),
    [({"set": {"state": "${{ output.json.state + 1 }}"}}, "variable.expression"), ({}, "artifact.missing")],
)
async def test_a_poll_whose_answer_cannot_be_kept_fails_by_name(watching: House, more: dict, code: str):
    await watching.open()
    async with serving() as server:
        server.answers += [says("queued"), says("done")]
        asked = keeps(server, watching.paths.home / "none.txt", **more)
        if more:
            asked.pop("artifacts")
        work = await watching.submit(asked, variables={"state": "none"})
        await watching.reach(work, "p", "waiting")
        await seconds_to(watching, server, 2)
        await watching.reach(work, "p", "failed")
        assert await watching.code(work, "p") == code
    assert watching.rows("SELECT value FROM variable") == [('"none"',)]
    assert watching.rows("SELECT count(*) FROM artifact") == [(0,)]


async def test_a_poll_that_is_answered_at_once_never_waits(watching: House):
    await watching.open()
    async with serving() as server:
        server.answers += [says("done")]
        result = await watching.finish(poll("p", server))
    assert result.status == "succeeded"


async def test_what_a_post_started_is_asked_for_where_its_answer_says(watching: House):
    await watching.open()
    async with serving() as server:
        server.answers += [says("accepted", 202, location="/status/7"), says("busy"), says("done")]
        more = {"method": "POST", "json": {"video": 1}, "headers": {"authorization": "Bearer x"}}
        where = server.url("/status/${{ json.id }}")
        work = await watching.submit(poll("p", server, url=where, **{"with": more}))
        await watching.reach(work, "p", "waiting")
        # A second engine goes on with the looks and never posts again.
        await watching.engine._lookouts.end()
        await watching.open()
        await seconds_to(watching, server, 3)
        await watching.reach(work, "p", "succeeded")
    seen = [(one.method, one.target, one.body, one.headers.get("authorization")) for one in server.requests]
    assert seen == [
        ("POST", "/jobs/7", b'{"video": 1}', "Bearer x"),
        ("GET", "/status/7", b"", "Bearer x"),
        ("GET", "/status/7", b"", "Bearer x"),
    ]


async def test_an_address_elsewhere_gets_none_of_the_headers_and_a_wrong_one_fails_the_task(watching: House):
    await watching.open()
    async with serving() as server, serving() as other:
        server.answers += [says("x", location=other.url("/s")), says("x", location="ftp://x/y")]
        other.answers += [says("done")]
        more = {"method": "POST", "headers": {"authorization": "Bearer x"}}
        where = "${{ headers.location }}"
        work = await watching.submit(poll("p", server, url=where, **{"with": more}))
        await watching.reach(work, "p", "waiting")
        await seconds_to(watching, other, 1)
        await watching.reach(work, "p", "succeeded")
        assert "authorization" not in other.requests[0].headers
        wrong = await watching.submit(poll("p", server, url=where, **{"with": more}))
        await watching.reach(wrong, "p", "failed")
        assert await watching.code(wrong, "p") == "poll.url"


async def test_why_says_what_each_kind_waits_for_since_when_and_how_often_it_looked(watching: House):
    await watching.open()
    home = watching.paths.home
    async with serving() as server:
        server.answers += [says("queued")] * 3
        work = await watching.submit(
            file("f", path=str(home / "f"), stable_for="5s", timeout="1h"),
            job("j", key="day-1"),
            job("n", name="extract", status="ended"),
            poll("p", server),
        )
        for key in "fjnp":
            await watching.reach(work, key, "waiting")
        reasons = {
            key: (await watching.control.why(watching.task_id(work, key))).reasons[0] for key in "fjnp"
        }
        assert f"the file {home}/f is there and has not changed for 5s, and fails at" in reasons["f"].text
        assert reasons["j"].text == (
            "it waits until a job with the key day-1 has ended succeeded; no such job was submitted yet"
        )
        assert reasons["n"].short == "a job named extract"
        assert "it asks again every 10s" in reasons["p"].text
        assert "after 1 look that was: status 200, json.state queued" in reasons["p"].text
        assert all(reason.since is not None for reason in reasons.values())


async def test_looks_that_fail_are_tolerated_with_longer_pauses_and_then_fail_the_task(watching: House):
    await watching.open()
    async with serving() as server:
        server.answers += [says("queued"), *[reply(503)] * 2, says("queued"), *[reply(503)] * 3]
        work = await watching.submit(poll("p", server, tolerate=2))
        await watching.reach(work, "p", "waiting")
        assert await seconds_to(watching, server, 2) >= 9
        assert await seconds_to(watching, server, 3) >= 9
        # The second failure in a row doubles the pause.
        assert await seconds_to(watching, server, 4) >= 19
        await seconds_to(watching, server, 7)
        await watching.reach(work, "p", "failed")
    assert await watching.code(work, "p") == "http.5xx"
    assert watching.history(work, "p").count("task.looked") == 3


async def test_a_poll_that_fails_has_a_worklet_which_lets_it_ask_from_the_start(
    watching: House, tmp_path: Path
):
    await watching.open()
    repair = tmp_path / "repair.json"
    gives = {"result": "retry", "message": "${{ params.code }}"}
    repair.write_text(
        json.dumps({"name": "r", "params": {"code": {}}, "outputs": gives, "tasks": [task("fix")]})
    )
    said = {"file": str(repair), "params": {"code": "${{ error.code }}"}, "max": 2}
    async with serving() as server:
        server.answers += [says("queued"), reply(503), *[says("queued")] * 9]
        work = await watching.submit({**poll("p", server, tolerate=0, max="15s"), "on_failure": said})
        await watching.reach(work, "p", "waiting")
        await seconds_to(watching, server, 3)
        # Parked again, and late this time.
        await watching.reach(work, "p", "waiting")
        await pass_time(watching, 16)
        await watching.until(
            lambda: len(watching.attempts(work, "p")) == 3, "it asks from the start once more"
        )
        # Its deadline counts from when it is parked.
        await watching.reach(work, "p", "waiting")
        await pass_time(watching, 16)
        await watching.reach(work, "p", "failed")
    told = watching.rows("SELECT data->>'$.message' FROM event WHERE kind = 'task.decided' ORDER BY id")
    assert told == [("http.5xx",), ("poll.timeout",)]
    assert watching.attempts(work, "p") == ["parked"] * 3
    assert watching.history(work, "p").count("task.poll_failed") == 2
    assert await watching.code(work, "p") == "poll.timeout"


async def test_an_attempt_whose_poll_failed_is_one_of_those_that_its_retry_has(
    watching: House, tmp_path: Path
):
    await watching.open()
    repair = tmp_path / "repair.json"
    repair.write_text(json.dumps({"name": "r", "outputs": {"result": "retry"}, "tasks": [task("fix")]}))
    retry = {"max_attempts": 2, "base": 0, "jitter": "none"}
    said = {"retry": retry, "on_failure": {"file": str(repair), "max": 1}}
    async with serving() as server:
        server.answers += [says("queued"), *[reply(503)] * 9]
        work = await watching.submit({**poll("p", server, tolerate=0), **said})
        await watching.reach(work, "p", "waiting")
        await seconds_to(watching, server, 3)
        await watching.reach(work, "p", "failed")
    assert watching.attempts(work, "p") == ["parked", "failed"]


async def test_a_deadline_ends_a_poll_and_tells_what_was_seen(watching: House):
    await watching.open()
    async with serving() as server:
        server.answers += [says("queued")] * 9
        work = await watching.submit(poll("p", server, max="25s"))
        await watching.reach(work, "p", "waiting")
        await pass_time(watching, 26)
        assert await watching.code(work, "p") == "poll.timeout"
        detail = await watching.look(work, "p")
        assert detail.task.error["facts"] == {"seen": {"status": 200, "json.state": "queued"}}
        asked = len(server.requests)
        await pass_time(watching, 30)
        assert len(server.requests) == asked


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({"method": "POST", "poll": {"until": "status == 200"}}, "tasks[0].with.poll"),
        ({"poll": {"until": "status == 200", "every": "10ms"}}, "tasks[0].with.poll.every"),
        ({"poll": {"until": "states == 200"}}, "tasks[0].with.poll.until"),
        ({"poll": {"until": "${{ tasks.x.output }}"}}, "tasks[0].with.poll.until"),
        ({"poll": {"until": "${{ 'yes' }}"}}, "tasks[0].with.poll.until"),
        ({"poll": {"until": "status == 200", "evry": "1m"}}, "tasks[0].with.poll.evry"),
        ({"poll": {}}, "tasks[0].with.poll"),
        (
            {"method": "POST", "poll": {"until": "status == 200", "url": "${{ hdrs.x }}"}},
            "tasks[0].with.poll.url",
        ),
        ({"headers": {"x": "${{ json.id }}"}}, "tasks[0].with.headers.x"),
    ],
)
async def test_faults_of_a_poll_have_their_places(watching: House, with_: dict, path: str):
    await watching.open()
    with pytest.raises(InvalidDocument) as caught:
        await watching.submit({"key": "p", "uses": "http", "with": {"url": "https://example.org", **with_}})
    assert path in [fault.path for fault in caught.value.faults], caught.value.faults


class _Refusing:
    """Lookouts that cannot be read."""

    def __init__(self) -> None:
        self.refusals = 0

    async def some(self, task_ids: Sequence[int]) -> list[Lookout]:
        self.refusals += 1
        raise Unavailable("store.busy", "the store is busy")


async def test_what_could_not_be_read_is_looked_for_when_the_store_can_be(watching: House):
    await watching.open()
    path = watching.paths.home / "in.csv"
    path.write_text("abc")
    lookouts, refusing = watching.engine._lookouts, _Refusing()
    stored, lookouts._stored = lookouts._stored, refusing  # type: ignore[assignment]
    work = await watching.submit(file("f", path=str(path)))
    await watching.until(lambda: refusing.refusals, "the read was refused")
    await watching.until(lambda: not lookouts._work, "the read ended")
    assert lookouts.any, "the engine has something to wait for"
    assert "what is looked for" in watching.engine.info().set_aside
    lookouts._stored = stored
    await pass_time(watching, 1)
    assert (await watching.ended(work)).status == "succeeded"
    assert watching.engine.info().set_aside == ""


async def test_what_breaks_in_a_way_of_its_own_is_named_and_read_again_after_pauses_that_grow(
    watching: House,
):
    await watching.open()
    path = watching.paths.home / "in.csv"
    path.write_text("abc")
    lookouts = watching.engine._lookouts
    some, breaks = lookouts._stored.some, [RuntimeError("odd rows")] * 3

    async def broken(task_ids: Sequence[int]) -> list[Lookout]:
        if breaks:
            raise breaks.pop()
        return await some(task_ids)

    lookouts._stored.some = broken  # type: ignore[method-assign]
    work = await watching.submit(file("f", path=str(path)))
    armed = watching.engine._ports.alarms.armed  # type: ignore[attr-defined]
    pauses = []
    for _ in range(3):
        await watching.until(lambda: "lookouts" in armed, "it is read again")
        assert "the list of what is looked for: RuntimeError: odd rows" in watching.engine.info().set_aside
        pauses.append((armed["lookouts"] - watching.clock.now()) // 1_000)
        watching.clock.advance(seconds=pauses[-1])
    assert pauses == [1, 2, 4]
    await watching.until(lambda: not lookouts._is_reading and not lookouts._changed, "it is read")
    await pass_time(watching, 1)
    assert (await watching.ended(work)).status == "succeeded"
    await watching.until(lambda: not watching.engine.info().set_aside, "nothing is named any more")


async def test_a_commit_that_is_heard_when_all_was_just_read_is_read_as_well(watching: House):
    await watching.open()
    path = watching.paths.home / "in.csv"
    path.write_text("abc")
    lookouts = watching.engine._lookouts
    ended, held = lookouts._ended, list[asyncio.Task[None]]()
    lookouts._ended = held.append  # type: ignore[method-assign]
    await watching.submit(file("never", path=f"{path}.other"))
    await watching.until(lambda: held, "it was read")
    work = await watching.submit(file("f", path=str(path)))
    await watching.until(lambda: lookouts._changed, "the second was heard of")
    lookouts._ended = ended  # type: ignore[method-assign]
    ended(held[0])
    await pass_time(watching, 1)
    assert (await watching.ended(work)).status == "succeeded"


async def test_files_are_looked_at_after_pauses_that_grow_where_no_thread_can_be_started(
    watching: House, monkeypatch: pytest.MonkeyPatch
):
    await watching.open()
    path = watching.paths.home / "in.csv"
    path.write_text("abc")
    to_thread, tried = asyncio.to_thread, list[int]()

    async def refuse(work: Callable[..., object], *args: object, **named: object) -> object:
        if work is file_looks._look_at and len(tried) < 4:
            tried.append(watching.clock.now())
            raise RuntimeError("can't start new thread")
        return await to_thread(work, *args, **named)

    monkeypatch.setattr(asyncio, "to_thread", refuse)
    work = await watching.submit(file("f", path=str(path)))
    await watching.until(lambda: tried, "it is looked for")
    await pass_time(watching, 7)
    assert [at - tried[0] for at in tried] == [0, 1_000, 3_000, 7_000]
    assert "looks at files: RuntimeError: can't start new thread" in watching.engine.info().set_aside
    await pass_time(watching, 8)
    assert (await watching.ended(work)).status == "succeeded"
    assert watching.engine.info().set_aside == ""


async def test_what_a_poll_saw_and_what_breaks_in_a_look_keep_no_engine_from_its_work(watching: House):
    await watching.open()
    async with serving() as server:
        server.answers += [says("queued")] * 99
        work = await watching.submit(poll("p", server))
        await watching.reach(work, "p", "waiting")
        await watching.stop()
        # Time passes while an engine stops: it may have asked meanwhile.
        server.answers[:] = [says("queued"), says("done")]
        with sqlite3.connect(watching.paths.db) as db:
            db.execute("UPDATE attempt SET seen = 'nonsense' WHERE status = 'parked'")
        engine = await watching.open()
        polls = engine._lookouts._loops.polls
        look, breaks = polls._ask, [LookupError("odd")]  # type: ignore[attr-defined]

        async def broken(one: object) -> None:
            if breaks:
                raise breaks.pop()
            await look(one)

        polls._ask = broken  # type: ignore[attr-defined]
        await pass_time(watching, 11)
        assert "looks of polls: LookupError" in engine.info().set_aside
        await pass_time(watching, 22)
        assert (await watching.ended(work)).status == "succeeded"
        assert engine.info().set_aside == ""
