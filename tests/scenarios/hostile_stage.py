"""Hostile texts in a store, and a walk through its screens.

Called by the tests of scenarios named `hostile`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import core
from core.connectors.base import CallFailed, Plain
from core.model.outcomes import Failed, TaskError
from core.model.ports import CallContext, InlineCall
from core.model.text import cells, safe_line
from tests.support import leftovers
from tests.support.commands import CONSOLE
from tests.support.hostile import hostile
from tests.support.terminal import KEYS, Terminal, kinds
from tests.support.waiting import DEADLINE

NUMBER = 400
WIDE = (200, 50)
PARAMS = 40
NAME = 24
"""Cells of the column with the names of jobs."""
LOOKS = {f"SGR {number}" for number in (1, 2, 3, 4, 7, 9)}
"""What an output may do to its text besides colours: bold, dim, italic, underline, reverse, strike."""


class Saying(Plain):
    """The connector `say`: returns or fails with what it is given."""

    name = "say"

    def call(self, with_: dict[str, Any], _context: CallContext) -> InlineCall:
        async def say() -> Any:
            if "fail" in with_:
                raise CallFailed(
                    Failed(error=TaskError(code="say.no", message=with_["fail"]), permanent=True)
                )
            return with_["output"]

        return InlineCall(run=say)


async def fill(home: Path, texts: Sequence[str]) -> None:
    """Put the texts into names of jobs and tasks, errors, outputs, params, files and a log."""
    home.parent.mkdir(exist_ok=True)
    said = home.parent / "said.txt"
    said.write_bytes("\n".join(texts).encode("utf-8", "surrogatepass"))
    params = {f"p{number}": {"default": text} for number, text in enumerate(texts[:PARAMS])}
    tasks = [{"key": "one", "uses": "delay", "with": {"seconds": 0}}]
    folder = home.parent / "files"
    folder.mkdir()
    for text in texts:
        (folder / f"{_as_file(text)}.yaml").write_text(
            json.dumps({"name": "x", "params": params, "tasks": tasks})
        )
    async with core.open_engine(home=home, slots=50, connectors=[Saying()]) as deck:
        failing = [
            core.TaskSpec(uses="say", with_={"fail": text}, name=text, queue=_queue(number))
            for number, text in enumerate(texts)
        ]
        saying = core.TaskSpec(uses="say", with_={"output": {"all": list(texts)}}, key="says")
        printing = core.TaskSpec(uses="shell", with_={"argv": ["cat", str(said)]}, key="prints")
        await deck.wait_tasks(await deck.enqueue_many([*failing, saying, printing]))
        # Half a character is refused in the name of a workflow, not of a task.
        for text in filter(is_whole, texts):
            named: dict[str, Any] = {"name": text[:200], "tasks": tasks}
            if text == texts[0]:
                named["params"] = params
            job = await deck.submit(named)
        await deck.wait_job(job.id)


def _as_file(text: str) -> str:
    # What no file system takes is left out.
    return "".join(c for c in text if c not in "/\x00" and is_whole(c))


def is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _queue(number: int) -> str:
    """Return a queue for every twentieth text; what no queue may be called is in the names of tasks alone."""
    return f"queue-{number}" if number % 20 == 0 else "default"


TRIES = 4
_PLACE = re.compile(r"\b(row|line) ([\d,]+)/([\d,]+)(?:  (\d+)%)?")
"""Where a list or a text is: its row or first line, how many there are, and how much of a log was in view."""


class Walk:
    """Goes through all screens by keys alone and keeps every picture; `pages` = on to the end of lists."""

    def __init__(self, terminal: Terminal, folder: Path, *, pages: int) -> None:
        self._terminal = terminal
        self._folder = folder
        self._pages = pages
        self.pictures: dict[str, list[str]] = {}

    def go_into_work(self) -> None:
        """Look at jobs, tasks and logs, and into one of each."""
        self._look("pulse", "1", "Pulse", "say.no")
        self._look("jobs", "2", "JOB▼", "~", pages=self._pages)
        self._look("jobs", "g", "JOB▼")
        self._terminal.settled(quiet=0.5)
        self._look("job", KEYS["enter"], " Job ", "stage 1")
        self._look("graph", "v", " Job ", "main 1/1")
        self._look("timeline", "v", "slots used", "one")
        self._look("job", "v", "stage 1")
        self._look("runs", "u", "Runs of ", "one")
        self._back_to("stage 1", "JOB▼")
        # It is open: the terminal has the room.
        self._look("inspector", "", " Jobs", "actor")
        self._look("tasks", "3", " Tasks", "TASK")
        self._look("output", _narrowed("key:says"), "key:says", "say  ")
        self._look("why", "w", "Why task")
        self._back_to("TASK▼")
        self._look("output", KEYS["enter"], " Task ", "output", pages=2)
        self._back_to("TASK▼")
        self._look("log", _narrowed("key:prints"), "key:prints", "shell ")
        self._look("log", "l", " Log ", "~")
        self._look("log", "g", "000~", pages=self._pages)
        self._look("log", "t", " Log ")
        self._look("log", ")", " Log ")
        self._back_to("TASK▼")
        self._look("found", "L", "Search the logs")
        self._look("found", "~~\r", "Found lines", "000~", pages=2)
        self._look("log", KEYS["enter"], " Log ", "~")
        self._back_to("Found lines", "TASK▼")

    def go_elsewhere(self) -> None:
        """Look at all other places."""
        self._look("retries", "4", "Dead", "~", pages=self._pages)
        self._look("queues", "7", " Queues", "queue-")
        self._look("orphans", "0", " Orphans")
        self._look("events", ":", "Go to")
        self._look("events", "events\r", " Events", "~", pages=2)
        self._look("failures", ":", "Go to")
        self._look("failures", "failures\r", " Failures", "~", pages=2)
        self._look("handoff", ":", "Go to")
        self._look("handoff", "handoff\r", " Handoff", "~", pages=2)
        self._look("past", ":", "Go to")
        self._look("past", f"at {time.strftime('%Y-%m-%dT%H:%M:%S')}\r", "AS OF", "~", pages=2)
        self._look("past", KEYS["enter"], "AS OF", "Tasks of job")
        self._terminal.press("2")
        self._terminal.sees("JOB▼")
        self._look("help", "?", "Keys of")
        self._terminal.press("escape")
        self._terminal.misses("Keys of")
        self._look("palette", KEYS["ctrl+p"], "Palette")
        self._terminal.press("escape")
        self._terminal.misses("Palette")
        self._look("files", "o", "New job")
        self._look("files", f"{self._folder}/", f"workflow in {self._folder}", "~", pages=self._pages + 2)
        self._look("form", "000", "000~")
        self._look("form", KEYS["enter"], "p0", pages=2)

    def go_briefly(self) -> None:
        """Look at a screen of each sort."""
        self._look("pulse", "1", "Pulse", "say.no")
        self._look("jobs", "2", "JOB▼", "~")
        self._look("graph", KEYS["enter"], " Job ", "one")
        self._look("graph", "v", " Job ", "main 1/1")
        self._back_to("stage 1", "JOB▼")
        self._look("retries", "4", "Dead", "~", pages=1)
        self._look("output", KEYS["enter"], " Task ", "error")

    def _look(self, name: str, keys: str, *texts: str, pages: int = 0) -> None:
        self._terminal.press(keys)
        seen = self.pictures.setdefault(name, [])
        seen.append(self._terminal.sees(*texts))
        if pages:
            # What was looked for may stand at the top of a screen that is still being drawn.
            seen.append(self._terminal.settled(quiet=0.25))
        for _ in range(pages):
            seen.append(self._page_down(seen[-1]))
        if pages:
            seen.append(self._terminal.settled(quiet=0.5))

    def _page_down(self, before: str) -> str:
        """Press it, where more is known to be below until it has moved; return the picture.

        Pressed again before it is drawn, a page would be passed over.
        """
        place = _PLACE.search(before)
        if place is None or not _is_more_below(place):
            self._terminal.press("pagedown")
            return self._terminal.settled(quiet=0.25)

        def has_moved() -> bool:
            now = _PLACE.search(self._terminal.picture())
            return now is not None and now.group(1, 2, 4) != place.group(1, 2, 4)

        self._press_until("pagedown", has_moved, f"the view stays at {place[0]}")
        if place[1] == "row":
            # The cursor is where its row was read; those below it may come later.
            return self._terminal.settled(quiet=0.25)
        return self._terminal.settled(first=0.06)

    def _back_to(self, *texts: str) -> None:
        # One at a time: an escape followed by another key is a third one, and one may end a search under way.
        for text in texts:
            self._press_until("escape", lambda: text in self._terminal.picture(), f"{text} not seen")  # noqa: B023

    def _press_until(self, key: str, condition: Callable[[], object], story: str) -> None:
        """Press it again only long after: pressed twice, a page or a screen would be passed over."""
        for _ in range(TRIES):
            self._terminal.press(key)
            with suppress(AssertionError):
                self._terminal.until(condition, story, within=DEADLINE / TRIES)
                return
        raise AssertionError(f"{story}; on the screen:\n{self._terminal.picture()}")


def _is_more_below(place: re.Match[str]) -> bool:
    """Tell whether a page down moves for certain: of a text whose lines are wrapped, the end is not known."""
    if place[4]:
        return place[4] != "100"
    at, of = (int(number.replace(",", "")) for number in place.group(2, 3))
    return at + (0 if place[1] == "row" else WIDE[1]) < of


def _narrowed(text: str) -> str:
    """Return the keys that put a filter in place of the one in force."""
    return f"/{KEYS['ctrl+u']}{text}\r"


def unseen(pictures: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the texts whose visible form is in no picture."""
    everything = unicodedata.normalize("NFC", "\n".join(pictures))
    return [text for text in texts if unicodedata.normalize("NFC", safe_line(text)) not in everything]


def are_names(texts: Sequence[str]) -> list[str]:
    """Return the texts that the column of names shows whole."""
    return [text for text in texts if cells(safe_line(text)) <= NAME]


async def walked(
    home: Path, go: Callable[[Walk], None], *, pages: int = 0, **environ: str
) -> tuple[bytes, dict[str, list[str]]]:
    """Walk in a console of its own; return all it wrote, and the pictures of each screen."""
    with Terminal([*CONSOLE, "--home", str(home)], size=WIDE, environ=dict(environ)) as terminal:
        walk = Walk(terminal, home.parent / "files", pages=pages)
        await asyncio.to_thread(go, walk)
    return bytes(terminal.written), walk.pictures


async def driven_by_none(tmp_path: Path, go: Callable[[Walk], None]) -> dict[str, list[str]]:
    """Walk among hostile texts and among plain ones, which the terminal must not tell apart.

    Returns the pictures of each screen that shows the hostile ones.
    """
    plain = [f"{number:03}~plain" for number in range(60)]
    tame, wild = tmp_path / "tame" / "home", tmp_path / "wild" / "home"
    await fill(tame, plain)
    await fill(wild, hostile(NUMBER))
    # Both mostly wait for their screens.
    (benign, _), (capture, pictures) = await asyncio.gather(
        walked(tame, go, pages=1), walked(wild, go, pages=10)
    )
    # The engines that the consoles started would wait for others to come.
    leftovers.kill(leftovers.living_on(tmp_path))
    assert kinds(capture) - kinds(benign) - LOOKS == set()
    return pictures
