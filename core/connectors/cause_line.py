"""Find the line of an output that tells why its command failed.

Used by the connectors of processes; pure: text in, one line out.

Of the lines of the strongest rank (`line_ranks`) the last one counts: what names an error, then plain text,
then what only repeats that something failed (`make: *** [all] Error 1`), then remarks and progress.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from core.connectors.line_ranks import WIDEST, Rank, RankedLine, rank_of

LONGEST = 200
"""Characters of a cause."""
_LINES = 300
"""Lines from the end that are looked at: deep traces of virtual machines have some hundred."""
_ERROR_LINES = 60
"""Lines from the end in which a mere error counts: programs go on after many of them."""
_RECORD = 4_000
"""Characters of a log line in JSON."""

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|\x1b"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_TRACEBACK = re.compile(r"(?:[\s|+]*)(?:Exception Group )?Traceback \(most recent call last\):$")
_GROUP_PREFIX = re.compile(r"^\s*[|+](?:-[-+ \d]*$)?\s?")
_PANIC = re.compile(
    r"thread '[^']*'(?: \(\d+\))? panicked at (?:'(?P<old>.*)', )?(?P<where>[^\s:]+:\d+:\d+):?$"
)
_THROWN = re.compile(r"terminate called after throwing an instance of '(?P<type>[^']+)'$")
_WHAT = re.compile(r"\s*what\(\):\s*(?P<text>.*)$")
_CHAIN = re.compile(r"(?:Caused by|caused by|Because|Context):$")
_NUMBERED = re.compile(r"^\d+: ")
_CAUSES = ("Caused by: ", "---> ")
_GRADLE = "* What went wrong:"
_FRAMES = re.compile(
    r"goroutine \d+ |\[?stack ?trace\]?:?$|stack traceback:|stack backtrace:|CallStack |backtrace:"
    r"|Stack trace:",
    re.IGNORECASE,
)
_EDGE = re.compile(r"^(?:npm (?:ERR!|error)|\[ERROR\]|[│╷╵|]) ?")
_TOLD = ("msg", "message", "event", "error", "err", "exception")


class _Line(NamedTuple):
    rank: Rank
    text: str
    left: int
    """How many lines follow it."""


def cause_line(output: str, *, script: str = "") -> str:
    """Return the line that tells why a command failed, clean and at most `LONGEST` long; '' = none does.

    `output` is the end of what it wrote, control sequences and progress bars included; `script` the path of a
    script file that only its line numbers are worth naming.
    """
    lines = list(_cleaned(output))
    ranked = list(_ranked(lines))
    # A crash counts wherever it stands, an error only near the end.
    told = [line for line in ranked if line.rank >= Rank.ERROR and _counts(line)]
    if not told:
        rest = [line for line in ranked if line.rank < Rank.ERROR]
        most = max((line.rank for line in rest), default=None)
        told = [line for line in rest if line.rank == most]
    return _shortened(told[-1].text, script) if told else ""


def _counts(line: _Line) -> bool:
    return line.rank is Rank.CRASH or line.left < _ERROR_LINES


def _cleaned(output: str) -> Iterator[str]:
    """Yield the last lines as a terminal would show them at the end, without what frames them."""
    for raw in output.split("\n")[-_LINES:]:
        # What follows a carriage return is written over what stood there.
        shown = next((part for part in reversed(raw.split("\r")) if part.strip()), "")
        line = _CONTROL.sub("", shown[:_RECORD]).rstrip()
        yield _EDGE.sub("", (_of_record(line) if line.startswith("{") else line)[:WIDEST])


def _ranked(lines: list[str]) -> Iterator[_Line]:
    """Yield what the lines tell, one entry for the lines that belong together."""
    last = len(lines) - 1
    reader = _Reader()
    for number, line in enumerate(lines):
        if any(character.isalnum() for character in line):
            yield from (_Line(rank, text, last - number) for rank, text in reader.read(line))


class _Reader:
    """Reads lines in order; knows in which block it is."""

    def __init__(self) -> None:
        self._block = ""
        """traceback, panic, frames, chain, gradle, or none."""
        self._where = ""
        self._base = ""

    def read(self, line: str) -> Iterator[RankedLine]:
        """Yield the rank and text of a line; of one that completes an earlier line, the two together."""
        text = line.strip()
        if (opened := self._opened(line, text)) is not None:
            yield from opened
            return
        block, is_indented = self._block, line[0] in " \t"
        match block:
            case "traceback":
                yield from self._in_traceback(line)
                return
            case "panic":
                self._block = "frames"
                yield RankedLine(Rank.CRASH, f"panicked: {text} ({self._where})")
                return
            case "gradle":
                self._block, self._base = "chain", text
                yield RankedLine(Rank.CRASH, text)
                return
            case "chain" if is_indented or text.startswith(">"):
                yield RankedLine(
                    Rank.CRASH, f"{self._base}: {_NUMBERED.sub('', text.removeprefix('>').strip())}"
                )
                return
            case "frames" if is_indented or _is_frame(line):
                yield from self._in_frames(line, text)
                return
        self._block = ""
        ranked = rank_of(line)
        if ranked.rank >= Rank.ERROR:
            self._base = ranked.text
            self._block = "frames" if ranked.rank is Rank.CRASH else ""
        yield ranked

    def _opened(self, line: str, text: str) -> list[RankedLine] | None:
        """Return what a line tells that opens a block; None = it opens none."""
        if _TRACEBACK.match(line):
            self._block = "traceback"
            return []
        if (panic := _PANIC.match(text)) is not None:
            self._block, self._where = "panic", panic["where"]
            if panic["old"] is None:
                return []
            self._block = "frames"
            return [RankedLine(Rank.CRASH, f"panicked: {panic['old']} ({panic['where']})")]
        if (thrown := _THROWN.match(text)) is not None:
            self._block, self._base = "frames", thrown["type"]
            return [RankedLine(Rank.CRASH, thrown["type"])]
        if _CHAIN.match(text) and self._base:
            self._block = "chain"
            return []
        if text == _GRADLE:
            self._block = "gradle"
            return []
        if _FRAMES.match(text):
            self._block = "frames"
            return []
        return None

    def _in_frames(self, line: str, text: str) -> Iterator[RankedLine]:
        if (what := _WHAT.match(line)) is not None:
            yield RankedLine(Rank.CRASH, f"{self._base}: {what['text']}")
        elif text.startswith(_CAUSES):
            yield rank_of(text)

    def _in_traceback(self, line: str) -> Iterator[RankedLine]:
        bare = _GROUP_PREFIX.sub("", line)
        if not bare or bare[0] in " \t":
            return
        self._block, self._base = "frames", bare
        yield RankedLine(Rank.CRASH, bare)


def _is_frame(line: str) -> bool:
    """Tell whether an unindented line belongs to the trace above it."""
    return line.startswith(
        ("}", "#", "main.", "runtime.", "created by ", "at ", "[signal ")
    ) or line.endswith(")")


def _of_record(text: str) -> str:
    """Return the message of a log line in JSON, or the line."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return text
    told = [str(record[key]) for key in _TOLD if record.get(key)] if isinstance(record, dict) else []
    if not told:
        return text
    level = str(record.get("level") or record.get("severity") or "").lower()
    return (
        f"{level}: {': '.join(told)}"
        if level in ("error", "fatal", "critical", "info", "warn")
        else ": ".join(told)
    )


def _shortened(text: str, script: str) -> str:
    if script and text.startswith(f"{script}: "):
        text = text.removeprefix(f"{script}: ")
        # dash names the number alone.
        text = re.sub(r"^(\d+): ", r"line \1: ", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
