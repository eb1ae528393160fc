"""Tests of what the commands say while an engine claims nothing."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

from tests.support.homes import Home
from tests.support.waiting import until, until_now


async def test_an_engine_without_descriptors_fails_nothing_and_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    engine = home.start("serve", "--slots", "2")
    try:
        until_now((home.path / "engine.sock").exists, "the engine serves")
        assert home.run("exec", "--", "true").returncode == 0
        before = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)

        def leave_three() -> None:
            """Leave enough for clients to be heard, and too little for the pipes of a command."""
            used = len(list(Path(f"/proc/{engine.pid}/fd").iterdir()))
            resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (used + 3, before[1]))

        leave_three()
        running = home.start("exec", "--", "true")
        states = "SELECT count(*) FROM attempt WHERE status = 'bounced'"
        await until(lambda: home.rows(states)[0][0], "the start was refused")

        def tells(verb: str, *words: str) -> bool:
            """Return whether a command says so: not while a start is tried for longer than a pause."""
            # The engine may have opened its store once more for a reader meanwhile.
            leave_three()
            said = home.run(verb)
            return all(word in said.stdout + said.stderr for word in words)

        listed = ("queued", "nothing is claimed since", "may not open more files")
        await asyncio.to_thread(until_now, lambda: tells("tasks", *listed), "lists say so")
        found = "BAD short.descriptors: nothing is claimed since"
        await asyncio.to_thread(until_now, lambda: tells("doctor", found), "doctor says so")
        resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, before)
        assert await asyncio.to_thread(running.wait) == 0
    finally:
        home.run("stop")
        engine.wait()
