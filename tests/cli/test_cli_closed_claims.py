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
        # The engine may have opened its store once more for a reader meanwhile.
        leave_three()
        listed = await asyncio.to_thread(home.run, "tasks")
        assert "queued" in listed.stdout
        assert "nothing is claimed since" in listed.stderr
        assert "may not open more files" in listed.stderr
        leave_three()
        doctor = await asyncio.to_thread(home.run, "doctor")
        assert "BAD short.descriptors: nothing is claimed since" in doctor.stdout
        resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, before)
        assert await asyncio.to_thread(running.wait) == 0
    finally:
        home.run("stop")
        engine.wait()
