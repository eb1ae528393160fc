"""Tests of reading through the engine that runs, or from the store."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.app.options import Options
from core.app.reading import lasting_control
from core.app.reading.lasting_control import read_engine_first
from core.model.errors import Unavailable
from tests.support.homes import Home

SQL = "sqlalchemy"
OWN_MODULES = 131
"""A client loads no more of ours for what is asked most, a few above what it does load."""


@pytest.fixture
def home(tmp_path: Path):
    place = Home(tmp_path / "home")
    yield place
    place.end()


def loaded_by(home: Home, *words: str) -> set[str]:
    """Return the modules that a command line loads."""
    script = (
        "import sys, runpy; sys.argv = ['taskdeck', *sys.argv[1:]]\n"
        "from core.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    argv = [sys.executable, "-P", "-c", script, *words]
    done = subprocess.run(argv, env=home.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


async def test_what_reads_and_what_submits_through_an_engine_loads_no_sql(home: Home):
    serving = home.start("serve")
    home.has_engine()
    for words in (["jobs"], ["tasks"], ["queues"], ["exec", "--detach", "--", "true"], ["show", "1"]):
        loaded = loaded_by(home, *words)
        assert loaded & {SQL, "pydantic", "textual", "httpx"} == set(), words
        nouns = {name for name in loaded if name.startswith("core.control.nouns.")}
        assert nouns <= {"core.control.nouns.data"}, words
        assert len({name for name in loaded if name.startswith("core")}) <= OWN_MODULES, words
    serving.send_signal(signal.SIGTERM)
    serving.wait()
    assert SQL in loaded_by(home, "jobs")


async def test_an_engine_that_does_not_answer_keeps_nobody_from_reading(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lasting_control, "PATIENCE", 0.1)
    serving = home.start("serve")
    home.has_engine()
    serving.send_signal(signal.SIGSTOP)
    try:
        async with read_engine_first(Options(home=home.path)) as deck:
            assert [job.id for job in (await deck.jobs()).rows] == [1]
    finally:
        serving.send_signal(signal.SIGCONT)


async def test_an_engine_that_goes_away_between_two_reads_is_not_missed(home: Home):
    serving = home.start("serve")
    home.has_engine()
    async with read_engine_first(Options(home=home.path)) as deck:
        before = await deck.queues()
        serving.kill()
        serving.wait()
        assert await deck.queues() == before


async def test_without_engine_and_store_the_refusal_is_that_of_the_store(home: Home):
    async with read_engine_first(Options(home=home.path)) as deck:
        with pytest.raises(Unavailable) as refused:
            await deck.jobs()
    assert refused.value.code == "store.missing"


def test_an_engine_that_does_not_answer_is_said_after_two_seconds(home: Home):
    serving = home.start("serve")
    home.has_engine()
    serving.send_signal(signal.SIGSTOP)
    try:
        listed = home.run("jobs")
    finally:
        serving.send_signal(signal.SIGCONT)
    assert (listed.returncode, "inbox" in listed.stdout) == (0, True)
    assert "an engine was called and did not answer for 2 s: what waits may wait for it" in listed.stderr
