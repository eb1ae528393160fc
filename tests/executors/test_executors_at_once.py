"""Long outputs are searched for all secrets at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import masking
from core.model.masking import LEAST, MASK, TOGETHER, Masker, forms, search_at_once

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


def test_each_of_many_secrets_is_found() -> None:
    texts = [b"<%03d>" % number for number in range(3 * TOGETHER + 1)]
    are_in = search_at_once(texts)
    assert are_in is not None
    assert not are_in(b"".join(text[:-1] for text in texts))
    assert all(are_in(b"-" + text + b"-") for text in texts)


def test_without_the_library_the_same_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    searched(monkeypatch, AT_ONCE)
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)  # type: ignore[arg-type]
    pieces = [b"hgfedcba", b"hgfedcba abcdefgh."]
    assert masked(forms(["abcdefgh"]), pieces) == b"hgfedcba" * 2 + b" " + MASK + b"."
