"""The code blocks, links and headings of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]\n]*(?:\n[^\]\n]*)?\]\((?P<target>[^)\s]+)\)")
_LENGTH = r"<1m|(?:[0-9.]+(?:ms|s|m|h|d))+"
_VARIABLE = re.compile(
    rf"(?P<length>{_LENGTH})(?![a-z])|(?P<group>map-[0-9a-f]{{8}})|(?P<user>ana) \(cli\)|(?P<any>\.\.\.)"
)
_PATTERNS = {"length": f"(?:{_LENGTH})", "group": "map-[0-9a-f]{8}", "user": r"\S+ \(cli\)", "any": ".*?"}
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block and the line it begins in."""

    language: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command after a prompt, and what it writes; `...` stands for anything."""

    command: str
    output: str


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the blocks of these languages, or all, in order."""
    found = (
        Block(language=match["language"], text=match["text"], line=page.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(page)
    )
    return [block for block in found if not languages or block.language in languages]


def links(page: str) -> list[str]:
    """Return the targets of links and pictures, outside of code."""
    return [match["target"] for match in _LINK.finditer(_BLOCK.sub("", page))]


def anchors(page: str) -> set[str]:
    """Return the anchors that headings make, as GitHub writes them."""
    titles = (match["title"].lower() for match in _HEADING.finditer(_BLOCK.sub("", page)))
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a `console` block with their outputs."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Step(command=command, output=output)


def is_written(expected: str, output: str) -> bool:
    """Tell whether an output is as a page shows it.

    Lengths of time, group names and the user may be others, columns may be wider; `...` is any text of a
    line.
    """
    return re.fullmatch(_pattern(_columns(expected)), _columns(output)) is not None


def _pattern(expected: str) -> str:
    pattern, at = "", 0
    for match in _VARIABLE.finditer(expected):
        pattern += re.escape(expected[at : match.start()]) + _PATTERNS[str(match.lastgroup)]
        at = match.end()
    return pattern + re.escape(expected[at:])


def _columns(text: str) -> str:
    return re.sub(r" {2,}", "  ", text)
