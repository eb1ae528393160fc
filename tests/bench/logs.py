"""Benchmark of a large log, and of keys meanwhile.

    python tests/bench/logs.py [--gigabytes 10] [--folder DIR] [--keys 150]

A task runs in a home below `--folder`, then its output is replaced by a file of that size, all of it data
(no hole), with one match at its end. An engine serves it (`taskdeck serve`). Printed: the time from the
request to the first page, over the socket; the speed of counting through the whole file for several texts
and patterns, with `--dense` also for a text that every line holds; p95 of keys in a console of another
client, idle and while a third client searches without a pause; the memory of the engine before and after.
The file is removed at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import core  # noqa: E402
from core.control.api import CountInLog, FindInLog, LogLines  # noqa: E402
from core.control.remote import RemoteControl  # noqa: E402
from core.control.transport import SocketDialer  # noqa: E402
from core.filters.patterns import Case  # noqa: E402
from core.filters.text_query import Syntax, TextQuery  # noqa: E402
from core.model.log_views import LOG_END, Way  # noqa: E402
from tests.support.commands import CONSOLE  # noqa: E402
from tests.support.terminal import Terminal  # noqa: E402

LINE = b"2026-11-28 20:48:45,%03d INFO worker-%02d processed batch %08d of region-07 in %3d ms status=ok\n"
WALK = ("down", "j", "pagedown", "k", "down", "down")
PAUSE = 0.012
QUERIES = (
    TextQuery(text="needle at the end"),
    TextQuery(text="Needle at the END", case=Case.ANY),
    TextQuery(text="needle at the [a-z]+$", syntax=Syntax.PATTERN),
    TextQuery(text=r"\b(error|fatal|panic|traceback)\b|needle", syntax=Syntax.PATTERN, case=Case.ANY),
)
DENSE = TextQuery(text="status=ok")
PLACES = (("end", LOG_END, Way.BACKWARD), ("begin", 0, Way.FORWARD), ("middle", 500_000_000, Way.FORWARD))


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-", dir=arguments.folder) as folder:
        home = Path(folder) / "home"
        asyncio.run(_seed(home))
        output = home / "output/1/1/out"
        _write(output, arguments.gigabytes)
        with _serving(home) as engine:
            asyncio.run(_measure(home, engine, dense=arguments.dense))
            idle = _keys(home, arguments.keys)
            stop = multiprocessing.Event()
            searching = multiprocessing.Process(target=_search_on, args=(home, stop))
            searching.start()
            time.sleep(0.5)
            busy = _keys(home, arguments.keys)
            stop.set()
            searching.join()
            print(
                f"keys of another client: p95 {idle:.1f} ms idle, {busy:.1f} ms while searching (wanted 50)"
            )
            print(f"engine RSS {engine.memory_info().rss / 2**20:.0f} MiB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--folder", help="where there is room for the file")
    parser.add_argument("--keys", type=int, default=150)
    parser.add_argument("--dense", action="store_true", help="also a text that every line holds")
    return parser.parse_args()


async def _seed(home: Path) -> None:
    async with core.open_engine(home=home, slots=4) as deck:
        shell = core.TaskSpec(uses="shell", with_={"argv": ["echo", "x"]})
        more = [core.TaskSpec(uses="delay", with_={"seconds": 0}) for _ in range(2_000)]
        await deck.wait_tasks(await deck.enqueue_many([shell]))
        await deck.wait_tasks(await deck.enqueue_many(more))


def _write(path: Path, gigabytes: float) -> None:
    piece = b"".join(LINE % (n % 1_000, n % 17, n, n % 90) for n in range(640_000))
    left = int(gigabytes * 1e9)
    with path.open("wb") as file:
        while left > 0:
            file.write(piece[:left])
            left -= len(piece)
        file.write(b"\nneedle at the end\n")


@contextlib.contextmanager
def _serving(home: Path) -> Iterator[psutil.Process]:
    argv = [*CONSOLE, "serve", "--home", str(home)]
    engine = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    engine.stdout.readline()
    try:
        yield psutil.Process(engine.pid)
    finally:
        engine.terminate()
        engine.wait()


async def _measure(home: Path, engine: psutil.Process, *, dense: bool) -> None:
    control = RemoteControl(SocketDialer(home / "engine.sock"))
    await control.status()
    print(f"engine RSS {engine.memory_info().rss / 2**20:.0f} MiB", flush=True)
    for name, offset, way in PLACES:
        begun = time.perf_counter()
        page = await control.logs.lines(LogLines(task_id=1, offset=offset, way=way))
        took = f"{(time.perf_counter() - begun) * 1e3:.1f} ms, {len(page.starts)} lines (wanted 300)"
        print(f"open {page.facts.size / 1e9:.1f} GB at its {name}: {took}", flush=True)
    for query in (*QUERIES, *([DENSE] if dense else [])):
        print(await _searched(control, query), flush=True)
    begun = time.perf_counter()
    back = FindInLog(task_id=1, query=QUERIES[0], offset=LOG_END, way=Way.BACKWARD, most=1)
    await control.logs.find(back)
    print(f"previous match from the end: {(time.perf_counter() - begun) * 1e3:.1f} ms", flush=True)
    await control.close()


async def _searched(control: RemoteControl, query: TextQuery) -> str:
    begun = time.perf_counter()
    at = number = requests = 0
    slowest = 0.0
    while True:
        asked = time.perf_counter()
        answer = await control.logs.count(CountInLog(task_id=1, query=query, offset=at))
        slowest = max(slowest, time.perf_counter() - asked)
        number, at, requests = number + answer.number, answer.end, requests + 1
        if at >= answer.facts.size:
            break
    seconds = time.perf_counter() - begun
    speed = f"{number:>11,} lines  {at / 1e6 / seconds:6.0f} MB/s  {seconds:5.1f} s"
    return f"{query.text[:36]!r:40} {speed}  {requests} answers, the slowest {slowest * 1e3:.0f} ms"


def _search_on(home: Path, stop: object) -> None:
    async def search() -> None:
        control = RemoteControl(SocketDialer(home / "engine.sock"))
        at = 0
        while not stop.is_set():  # type: ignore[attr-defined]
            answer = await control.logs.count(CountInLog(task_id=1, query=QUERIES[1], offset=at))
            at = 0 if answer.end >= answer.facts.size else answer.end
        await control.close()

    asyncio.run(search())


def _keys(home: Path, many: int) -> float:
    """Return the p95 of keys in the list of tasks, ms."""
    times = []
    with Terminal([*CONSOLE, "--home", str(home), "--read-only"], size=(120, 40)) as terminal:
        terminal.sees("Pulse")
        terminal.press("3")
        terminal.sees("TASK▼")
        terminal.settled(quiet=0.5)
        for number in range(many):
            begun = last = time.perf_counter()
            terminal.press(WALK[number % len(WALK)])
            while terminal.read(PAUSE if last > begun else 0.3):
                last = time.perf_counter()
            # A key that moves nothing draws nothing.
            times += [(last - begun) * 1e3] if last > begun else []
            time.sleep(0.05)
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    if shutil.disk_usage(tempfile.gettempdir()).free < 2 * 10**9:
        sys.exit("the folder has no room for the file: name another --folder")
    main()
