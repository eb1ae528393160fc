"""Masks: secrets in bytes, texts and values replaced, also as base64.

Loaded by path in the collector of outputs, too: the standard library only, and nothing of taskdeck.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    Prepare: TypeAlias = "Callable[[Sequence[bytes]], Callable[[bytes], bool] | None]"

MASK = b"[redacted]"
LEAST = 4
"""Bytes of a secret, and of a line of one; without what is shorter no output could be read any more."""
_WRAPPED = 76
"""Characters of a line of base64, as most programs write it."""
_RUN = re.compile(rb"[A-Za-z0-9]+")
_NEEDLE = 6
"""Letters and digits in a row that are rare enough to be searched for in the place of a whole form."""
_AGAIN = 16
"""Pieces after which it is looked again which bytes an output does not have; longer each time."""
_LOOKED_FOR = 3
"""Bytes that may be looked for in the place of all forms: with more a search for all is as quick."""
_SEARCHED = 65_536
"""Bytes that are searched for one form after the other: to load what searches for all takes as long."""
_UNRESERVED = "!'()*~-._"
"""What `encodeURIComponent` of JavaScript leaves as it is."""
FILLERS = tuple(bytes((byte,)) * 8 for byte in range(0xF8, 0xFC))
"""Searched for as well: beside texts without a byte in common the library takes the quickest of its ways."""
TOGETHER = 24
"""Texts of one search: one for twice as many takes longer than two."""


def forms(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """Return the bytes that secrets are masked by, the longest first.

    Each line of a secret, and the whole in base64 (wherever it stands in what is encoded), percent-encoded,
    and as JSON, Python and shells write it between quotes.
    """
    found = {form for secret in secrets for form in _forms(secret) if len(form) >= LEAST}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def nothing_faster(_texts: Sequence[bytes]) -> None:
    """Say that all texts can be searched for one after the other only."""


def search_at_once(texts: Sequence[bytes]) -> Callable[[bytes], bool] | None:
    """Return what tells in one pass whether data has one of some texts; None where nothing does.

    It may say so of data without any, unless that is UTF-8: no such text has a byte of `FILLERS`.
    """
    try:
        library = importlib.import_module("ahocorasick_rs")
    except ImportError:
        return None
    searches = [
        library.BytesAhoCorasick(
            [*FILLERS, *texts[at : at + TOGETHER]], matchkind=library.MatchKind.LeftmostFirst
        ).find_matches_as_indexes
        for at in range(0, len(texts), TOGETHER)
    ]
    return lambda data: any(search(data) for search in searches)


class Masker:
    """Mask a stream that comes in pieces; what may be the beginning of a secret is held back.

    `prepare` is called with texts in a stream that is long enough, and returns what tells in one pass whether
    data has one of them; it may say so where none is.
    """

    __slots__ = ("_any", "_begun", "_forms", "_held", "_needles")

    def __init__(self, patterns: Sequence[bytes], prepare: Prepare = nothing_faster) -> None:
        self._forms = patterns
        self._held = b""
        self._needles = _Needles(patterns, prepare)
        self._begun = _beginnings(patterns)
        # Of those that begin at one place the longest is first.
        self._any = re.compile(b"|".join(map(re.escape, patterns)))

    def feed(self, data: bytes) -> bytes:
        """Return what cannot be a part of a secret to come, with masks for those that are there."""
        data = self._held + data
        end = self._begins(data, 0)
        masked = data[:end]
        # Most pieces have none, and this is ten times as fast as the expression of all.
        if self._needles.are_in(data) and any(form in data for form in self._forms):
            masked, end = self._masked(data, end)
        self._held = data[end:]
        return masked

    def flush(self) -> bytes:
        """Return what is held back: nothing more comes."""
        held, self._held = self._held, b""
        return self._any.sub(MASK, held) if held and self._forms else held

    def _masked(self, data: bytes, end: int) -> tuple[bytes, int]:
        """Return the data with masks up to where a secret may begin, and that place."""
        parts, at = list[bytes](), 0
        for match in self._any.finditer(data):
            if match.start() >= end:
                break
            parts += (data[at : match.start()], MASK)
            at = match.end()
            if at > end:
                end = self._begins(data, at)
        parts.append(data[at:end])
        return b"".join(parts), end

    def _begins(self, data: bytes, start: int) -> int:
        """Return the first place from `start` on where a secret begins that the data does not end."""
        end, last = len(data), data[-1:]
        for beginning in self._begun.get(last, ()):
            if data.endswith(beginning, start):
                return end - len(beginning)
        return end


def _beginnings(patterns: Sequence[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """Return how forms begin, without whole ones, by their last byte, the longest first."""
    found: dict[bytes, set[bytes]] = {}
    for form in patterns:
        for size in range(1, len(form)):
            found.setdefault(form[size - 1 : size], set()).add(form[:size])
    return {last: tuple(sorted(some, key=len, reverse=True)) for last, some in found.items()}


class _Needles:
    """What each form of some secrets has one of, searched for in long pieces of data.

    Most outputs lack some bytes: that these are not there says, for a fifth of a search, that no needle which
    has one of them is there.
    """

    __slots__ = ("_again", "_at_once", "_lacking", "_pieces", "_prepare", "_searched", "_wholes")

    def __init__(self, patterns: Sequence[bytes], prepare: Prepare) -> None:
        self._prepare = prepare
        self._wholes = _needles(patterns)
        self._lacking = tuple[bytes, ...]()
        """Bytes that a former piece lacked; each needle has one of them. Empty = there are none such."""
        self._pieces, self._again = 0, 1
        self._searched = 0
        """Bytes."""
        self._at_once: Callable[[bytes], bool] | None = None
        """Searches for all needles in one pass, in outputs that are long enough."""

    def are_in(self, data: bytes) -> bool:
        """Return whether data has one of them."""
        if self._lacking and not any(byte in data for byte in self._lacking):
            return False
        self._pieces += 1
        if self._pieces >= self._again:
            self._pieces, self._again = 0, max(_AGAIN, 2 * self._again)
            self._lacking = _covering(self._wholes, data)
        if self._at_once is not None:
            return self._at_once(data)
        before = self._searched
        self._searched += len(data)
        if before < _SEARCHED <= self._searched:
            self._at_once = self._prepare(self._wholes)
        return any(whole in data for whole in self._wholes)


def _covering(wholes: Sequence[bytes], data: bytes) -> tuple[bytes, ...]:
    """Return few bytes that data lacks and of which each needle has one; empty where that takes many."""
    found = list[bytes]()
    # Searched for one by one: a set of all bytes of the data takes ten times as long.
    lacking = {value for value in frozenset(b"".join(wholes)) if value not in data}
    left = [lacking.intersection(whole) for whole in wholes]
    while left and len(found) < _LOOKED_FOR:
        times = Counter(value for values in left for value in values)
        if not times:
            break
        best = min(times, key=lambda value: (-times[value], value))
        found.append(bytes((best,)))
        left = [values for values in left if best not in values]
    return () if left else tuple(found)


def _needles(patterns: Sequence[bytes]) -> list[bytes]:
    """Return what each of these forms has one of: those of one secret share their letters and digits."""
    found = list[bytes]()
    for form in reversed(patterns):
        if not any(needle in form for needle in found):
            run = max(_RUN.findall(form), key=len, default=b"")
            # What no other form has is the rarer the longer it is.
            is_shared = len(run) >= _NEEDLE and sum(run in one for one in patterns) > 1
            found.append(run if is_shared else form)
    return found


def masked_bytes(data: bytes, patterns: Sequence[bytes]) -> bytes:
    """Return data with masks for each form of a secret."""
    masker = Masker(patterns)
    return masker.feed(data) + masker.flush()


def masked_text(text: str, patterns: Sequence[bytes]) -> str:
    """Return a text with masks for each form of a secret."""
    return masked_bytes(text.encode("utf-8", "surrogatepass"), patterns).decode("utf-8", "surrogatepass")


def _forms(secret: str) -> Iterator[bytes]:
    whole = secret.encode()
    yield from whole.splitlines()
    yield from _in_base64(whole)
    for text in (
        quote(secret, safe=""),
        quote(secret),
        quote(secret, safe=_UNRESERVED),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        # Shells write a quote in one of these ways.
        secret.replace("'", "'\\''"),
        secret.replace("'", "'\"'\"'"),
    ):
        if "\n" not in text:
            yield text.encode()


def _in_base64(whole: bytes) -> Iterator[bytes]:
    for before in range(3):
        # The characters that depend on nothing but the secret, wherever in a group of three it begins.
        encoded = base64.b64encode(b"\0" * before + whole)
        core = encoded[(before * 8 + 5) // 6 : (before + len(whole)) * 8 // 6]
        lines = [core] if len(core) <= _WRAPPED or before else [core, *_lines(core)]
        for line in lines:
            yield line
            yield line.translate(bytes.maketrans(b"+/", b"-_"))


def _lines(core: bytes) -> Iterator[bytes]:
    for at in range(0, len(core), _WRAPPED):
        if len(line := core[at : at + _WRAPPED]) >= 2 * LEAST:
            yield line
