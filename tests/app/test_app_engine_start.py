"""An engine that cannot start says what is in its way."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.app.hosting.engine_start import start_engine
from core.app.options import Options
from core.engine.service import Engine
from core.model.errors import MachineShort, Unavailable
from core.model.paths import Paths
from core.store.database import open_writer
from core.store.verify import verify_path
from tests.support.commands import ROOT


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(home=tmp_path / "home")


async def test_a_machine_that_is_short_of_something_is_named(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(_: Engine) -> None:
        raise OSError(errno.EMFILE, "Too many open files", "/proc/1/status")

    monkeypatch.setattr(Engine, "start_without_claims", start)
    with pytest.raises(MachineShort, match="may not open more files") as refused:
        await start_engine(options, [], dispatch=False)
    assert refused.value.code == "short.descriptors"
    assert "ulimit -n" in refused.value.hint


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
async def test_an_engine_that_starts_without_memory_or_threads_says_so(
    options: Options, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def start(_: Engine) -> None:
        raise error

    monkeypatch.setattr(Engine, "start_without_claims", start)
    with pytest.raises(MachineShort) as refused:
        await start_engine(options, [], dispatch=False)
    assert "ulimit -v" in refused.value.hint


async def test_an_error_of_files_that_is_no_shortage_stays_what_it_is(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(_: Engine) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/proc/1/status")

    monkeypatch.setattr(Engine, "start_without_claims", start)
    with pytest.raises(PermissionError):
        await start_engine(options, [], dispatch=False)


LIMITED = """
import resource, sys
from pathlib import Path
from core.model.errors import Unavailable
from core.store.database import open_writer
path, before = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), before[1]))
try:
    open_writer(path, synchronous="NORMAL", now=1)
except Unavailable as refused:
    said = f"{refused.code}: {refused.message}; {refused.hint}"
resource.setrlimit(resource.RLIMIT_FSIZE, before)
open_writer(path, synchronous="NORMAL", now=1).close()
print(said)
"""


@pytest.mark.parametrize("size", [1, 8_192, 65_536])
def test_a_limit_of_file_sizes_is_named_and_nothing_is_in_the_way_of_a_later_start(
    tmp_path: Path, size: int
) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "taskdeck.db"), str(size)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.startswith("store.file_limit: ")
    assert f"files may have {size:,} bytes at the most where this runs" in said
    assert "raise `ulimit -f`" in said
    assert verify_path(tmp_path / "taskdeck.db") == ()


async def test_a_damaged_row_without_which_no_engine_starts_is_named(options: Options) -> None:
    statement = "INSERT INTO limit_rule (name, kind, body) VALUES ('api', 'budget', '{')"
    db = Paths(home=options.home or Path()).db
    db.parent.mkdir(mode=0o700)
    open_writer(db, synchronous="NORMAL", now=1).close()
    with closing(sqlite3.connect(db)) as store, store:
        store.execute(statement)
    with pytest.raises(Unavailable) as refused:
        await start_engine(options, [], dispatch=False)
    assert refused.value.code == "store.row"
    assert refused.value.facts == {"table": "limit_rule", "row": "api", "column": "body"}
