"""Tests of lines and searches in outputs of any shape."""

from __future__ import annotations

import math
import os
import random
from bisect import bisect_right
from contextlib import contextmanager

import pytest

from core.executors.output_cap import drop_middle
from core.executors.output_lines import BLOCK, PAGE_BYTES, LineFile
from core.executors.output_search import PIECE, Deadline, OutputSearch
from core.filters.patterns import Case
from core.filters.text_query import Syntax, TextQuery, TextSearch

NEVER = Deadline(seconds=math.inf)
"""Not some minutes: it begins when the module is loaded, and a whole run of tests may last longer."""


@contextmanager
def opened(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield LineFile(descriptor)
    finally:
        os.close(descriptor)


def written(draw: random.Random) -> bytes:
    """Return lines of all lengths: none, short, whole blocks, some without an end."""
    parts = []
    for _ in range(draw.randint(1, 30)):
        size = draw.choice([0, 1, 5, 80, 300, 4_000, 70_000, BLOCK, BLOCK - 1, BLOCK + 1, 200_000])
        word = bytes(draw.choice(b"abcdxyz ") for _ in range(min(size, 50)))
        parts.append(word * (size // max(1, len(word))) + (b"\n" if draw.random() < 0.8 else b""))
    return b"".join(parts)


def begins(data: bytes) -> list[int]:
    """Return where lines begin by the rule, found in the simplest way."""
    real = sorted({0, *(at + 1 for at, byte in enumerate(data) if byte == 10)})
    cuts = (
        edge for edge in range(BLOCK, len(data), BLOCK) if not any(edge - BLOCK < at <= edge for at in real)
    )
    return sorted(at for at in {*real, *cuts} if at < len(data))


@pytest.mark.parametrize("seed", range(6))
def test_lines_and_matches_are_the_same_in_pages_and_pieces_of_any_size(seed: int, tmp_path) -> None:
    draw = random.Random(seed)
    data = written(draw)
    (tmp_path / "out").write_bytes(data)
    wanted = begins(data)

    def line_of(offset: int) -> int:
        return wanted[bisect_right(wanted, offset) - 1]

    matching = sorted({line_of(at) for at in range(len(data)) if data[at : at + 2] == b"ab"})
    with opened(tmp_path / "out") as file:
        at, found = 0, []
        while at < file.size:
            page = file.forward(at, lines=draw.choice([1, 7, 500]), limit=draw.choice([1, 4_096, PAGE_BYTES]))
            assert page.begin == at
            found += page.starts
            at = page.end
        assert found == wanted
        at, found = file.size, []
        while at:
            page = file.backward(
                at, lines=draw.choice([1, 7, 500]), limit=draw.choice([1, 4_096, PAGE_BYTES])
            )
            assert page.end == at
            found = [*page.starts, *found]
            at = page.begin
        assert found == wanted
        for offset in (draw.randrange(len(data)) for _ in range(100 if data else 0)):
            assert file.line_of(offset) == line_of(offset)
        search = OutputSearch(file, TextSearch(TextQuery(text="ab")))
        assert search.count(0, most=10**9, deadline=NEVER).lines == matching
        assert search.count(0, most=draw.choice([0, 2]), deadline=NEVER).number == len(matching)
        at, found = 0, []
        while at < file.size:
            lines, at = search.forward(at, most=draw.choice([1, 3, 100]), deadline=Deadline(seconds=0))
            found += lines
        assert found == matching
        at, found = file.size, []
        while at:
            lines, at = search.backward(at, most=draw.choice([1, 3, 100]), deadline=Deadline(seconds=0))
            found = lines + found
        assert found == matching


def test_a_hole_is_a_page_of_its_own_in_both_directions(tmp_path) -> None:
    lines = [b"line %06d\n" % number for number in range(60_000)]
    data = b"".join(lines)
    path = tmp_path / "out"
    path.write_bytes(data)
    assert drop_middle(path, 16_384)
    with opened(path) as file:
        head = file.forward(0, lines=2_000)
        hole = file.forward(head.end, lines=1)
        assert (hole.begin, hole.starts, hole.missing) == (head.end, (), hole.end - hole.begin)
        assert head.end % 4_096 == 0
        assert hole.missing > 600_000
        tail = file.forward(hole.end, lines=2_000)
        assert tail.end == file.size
        assert file.backward(file.size, lines=2_000).begin == hole.end
        again = file.backward(hole.end, lines=5)
        assert (again.begin, again.end, again.missing) == (hole.begin, hole.end, hole.missing)
        assert file.backward(hole.begin, lines=1).end == hole.begin
        assert file.line_of(hole.begin + 300_000) == hole.begin
        search = OutputSearch(file, TextSearch(TextQuery(text="059999")))
        assert search.forward(0, most=9, deadline=NEVER) == ([file.size - 12], file.size)
        assert search.backward(hole.end, most=9, deadline=NEVER) == ([], 0)


def test_ten_gigabytes_are_opened_at_both_ends_by_reading_a_page(tmp_path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"first\n" * 100)
    with path.open("r+b") as file:
        file.seek(10 * 2**30)
        file.write(b"\nlast\n")
    with opened(path) as file:
        reads: list[int] = []
        read = file.read

        def noted(begin: int, end: int) -> bytes:
            reads.append(end - begin)
            return read(begin, end)

        file.read = noted
        assert file.forward(0, lines=1).end == 6
        assert file.backward(file.size, lines=1).data == b"last\n"
        assert sum(reads) < 4 * PAGE_BYTES


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        (TextQuery(text="timeout"), [6]),
        (TextQuery(text="timeout", case=Case.ANY), [6, 23]),
        (TextQuery(text="größe", case=Case.ANY), [45]),
        (TextQuery(text="a.c"), []),
        (TextQuery(text="^time", syntax=Syntax.PATTERN), [6]),
        (TextQuery(text=r"\w+ \d+$", syntax=Syntax.PATTERN), [6]),
        (TextQuery(text=r"30\s+TIME", syntax=Syntax.PATTERN), []),
        (TextQuery(text="(?i)timeout|größe", syntax=Syntax.PATTERN), [6, 23, 45]),
    ],
)
def test_a_line_matches_alone_as_a_text_or_a_pattern(query: TextQuery, lines: list[int], tmp_path) -> None:
    (tmp_path / "out").write_bytes("begin\ntimeout after 30\nTIMEOUT after a while\nGRÖSSE GRÖßE\n".encode())
    with opened(tmp_path / "out") as file:
        search = OutputSearch(file, TextSearch(query))
        assert search.forward(0, most=9, deadline=NEVER)[0] == lines


def test_what_lies_across_the_seam_of_two_pieces_of_a_long_line_is_found_once(tmp_path) -> None:
    data = bytearray(b"." * (2 * PIECE + 100))
    for seam in (PIECE, 2 * PIECE - BLOCK - 99):
        data[seam - 3 : seam + 3] = b"needle"
    (tmp_path / "out").write_bytes(data)
    wanted = [PIECE - BLOCK, 2 * PIECE - 2 * BLOCK]
    with opened(tmp_path / "out") as file:
        search = OutputSearch(file, TextSearch(TextQuery(text="needle")))
        assert search.count(0, most=9, deadline=NEVER).lines == wanted
        assert search.forward(0, most=9, deadline=NEVER)[0] == wanted
        assert search.backward(file.size, most=9, deadline=NEVER)[0] == wanted


def test_a_search_ends_at_its_deadline_in_the_midst_of_matches(tmp_path) -> None:
    (tmp_path / "out").write_bytes(b"a\n" * 300_000)
    with opened(tmp_path / "out") as file:
        search = OutputSearch(file, TextSearch(TextQuery(text="[a]", syntax=Syntax.PATTERN)))
        counted = search.count(0, most=5, deadline=Deadline(seconds=0))
        assert counted.number == counted.end // 2 < 10_000
        first = search.forward(0, most=10**6, deadline=Deadline(seconds=0))
        assert len(first[0]) == first[1] // 2 < 10_000
