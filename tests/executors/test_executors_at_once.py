"""Long outputs are searched for all secrets at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executors.output_collector import search_at_once
from core.model import masking
from core.model.masking import LEAST, MASK, Masker, forms

hyperscan = pytest.importorskip("hyperscan")

SECRET = "s3cr+t/Tok~en==\"'\\ ü.*[0-9]"
SECRETS = st.lists(st.text("ab.*\\x\n\0ü", min_size=LEAST, max_size=9), min_size=1, max_size=4)
PIECES = st.lists(st.text("ab.*\\x\n\0üc", max_size=20).map(str.encode), max_size=8)
AT_ONCE, NEVER = 1, 1 << 60


def masked(patterns: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    masker = Masker(patterns, search_at_once)
    return b"".join([*map(masker.feed, pieces), masker.flush()])


def searched(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(masking, "_SEARCHED", number)


@given(secrets=SECRETS, pieces=PIECES)
def test_all_at_once_masks_what_one_by_one_masks(secrets: list[str], pieces: list[bytes]) -> None:
    patterns = forms(secrets)
    with pytest.MonkeyPatch.context() as patch:
        searched(patch, AT_ONCE)
        at_once = masked(patterns, pieces)
        searched(patch, NEVER)
        assert at_once == masked(patterns, pieces)


@pytest.mark.parametrize("form", forms([SECRET, "correct horse"]), ids=repr)
def test_each_form_is_found_among_all_bytes(form: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    searched(monkeypatch, AT_ONCE)
    every = bytes(range(256)) * 3
    assert masked(forms([SECRET, "correct horse"]), [every, every + form + every]) == every * 2 + MASK + every


def test_each_piece_is_judged_by_itself_and_each_byte_means_itself() -> None:
    are_in = search_at_once([b"a.c+", b"\x00\xff|"])
    assert are_in is not None
    pieces = (b"xa.c+", b"abcc", b"\x00\xff|", b"|", b"")
    assert [are_in(piece) for piece in pieces] == [True, False, True, False, False]


def test_only_an_output_that_is_long_enough_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Sequence[bytes]] = []
    asked: list[int] = []

    def are_in(data: bytes) -> bool:
        asked.append(len(data))
        return False

    def prepare(texts: Sequence[bytes]) -> Callable[[bytes], bool]:
        made.append(texts)
        return are_in

    searched(monkeypatch, 1_000)
    masker = Masker(forms(["abcdefgh"]), prepare)
    masker.feed(b"-" * 100)
    # It has no byte of the secret: nothing had to be searched for.
    masker.feed(b"-" * 5_000)
    masker.feed(b"hgfedcba" * 100)
    assert (len(made), asked) == (0, [])
    masker.feed(b"hgfedcba" * 100)
    masker.feed(b"hgfedcb." * 100)
    # With the letter that was held back.
    assert (len(made), asked) == (1, [801])


class _Failing:
    """A hyperscan that fails when it is made ready, or when it searches."""

    error = hyperscan.error
    HS_MODE_BLOCK = HS_FLAG_SINGLEMATCH = 0

    def __init__(self, *, at: str) -> None:
        self.at = at

    def Database(self, **_: Any) -> _Failing:  # noqa: N802 # the library's name
        return self

    def compile(self, **_: Any) -> None:
        if self.at == "compile":
            raise hyperscan.error

    def scan(self, *_: Any, **__: Any) -> None:
        raise hyperscan.error


@pytest.mark.parametrize("library", [None, _Failing(at="compile"), _Failing(at="scan")])
def test_without_a_library_that_works_the_same_is_masked(
    library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(monkeypatch, AT_ONCE)
    monkeypatch.setitem(sys.modules, "hyperscan", library)  # type: ignore[arg-type]
    pieces = [b"hgfedcba", b"hgfedcba abcdefgh."]
    assert masked(forms(["abcdefgh"]), pieces) == b"hgfedcba" * 2 + b" " + MASK + b"."
