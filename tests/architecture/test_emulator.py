"""Tests of the emulator: what it shows is what pyte shows."""

from __future__ import annotations

from random import Random

import pyte
import pytest

from tests.support.emulator import Screen, Stream

PIECES = (
    "plain text",
    "─│┌",
    "六百 wide",
    "e\u0301 and \u200b",
    "\r\n",
    "\n" * 3,
    "\t",
    "\x1b[m",
    "\x1b[1;38;2;10;20;30;48;5;7m",
    "\x1b[0;7;9m",
    "\x1b[;3m",
    "\x1b[22;39m",
    "\x1b[H",
    "\x1b[3;5H",
    "\x1b[99999;2H",
    "\x1b[2J",
    "\x1b[K",
    "\x1b[3X",
    "\x1b[2L",
    "\x1b[?7l",
    "\x1b[?7h",
    "\x1b[4h",
    "\x1b[4l",
    "\x1b[?25l",
    "\x1b7",
    "\x1b8",
    "\x1bM",
    "\x1b(0",
    "\x1b(B",
    "\x0e",
    "\x0f",
    "\x1b]0;a title \x1b[31m\x07",
    "\x1bP\x1b[31m\x1b\\",
    "\x9b31m",
    "\x1b[31",
    "\x1b",
    "over the end of the line and on to the next one",
)


@pytest.mark.parametrize("seed", range(20))
def test_it_shows_what_pyte_shows_however_what_comes_is_cut(seed: int) -> None:
    random = Random(seed)
    sent = "".join(random.choice(PIECES) for _ in range(400)).encode()
    plain, quick = pyte.Screen(24, 8), Screen(24, 8)
    streams = pyte.ByteStream(plain), Stream(quick)
    while sent:
        cut = random.randint(1, 60)
        for stream in streams:
            stream.feed(sent[:cut])
        sent = sent[cut:]
        assert quick.dirty == plain.dirty
        assert (quick.cursor.x, quick.cursor.y, quick.cursor.attrs) == (
            plain.cursor.x,
            plain.cursor.y,
            plain.cursor.attrs,
        )
        for line in range(8):
            assert dict(quick.buffer[line]) == dict(plain.buffer[line])


@pytest.mark.parametrize("sequence", ["\x1b[<u", "\x1b[<1u", "\x1b[=1u", "\x1b[>1u", "\x1b[?u"])
def test_ways_of_the_keyboard_write_nothing_wherever_they_are_cut(sequence: str) -> None:
    sent = f"one{sequence} two".encode()
    for cut in range(len(sent)):
        screen = Screen(12, 1)
        stream = Stream(screen)
        stream.feed(sent[:cut])
        stream.feed(sent[cut:])
        assert screen.display == ["one two     "]
