"""Secrets are masked in every form, wherever a stream is cut."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.masking import LEAST, MASK, Masker, forms, masked_bytes, masked_text
from core.model.redaction import REDACTED

TOKEN = "s3cr+t/Tok~en==\"'\\ ü"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nabcdefgh\n-----END KEY-----"
LONG = "".join(chr(33 + number * 7 % 90) for number in range(400))


def masked(text: bytes, *secrets: str) -> bytes:
    return masked_bytes(text, forms(secrets))


@pytest.mark.parametrize("secret", [TOKEN, KEY, LONG, "pass", "  two words  "])
@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
def test_every_form_of_a_secret_is_masked(secret, before):
    plain = secret.encode()
    encoded = base64.b64encode(before.encode() + plain + b"\n")
    for written in (
        plain,
        quote(secret).encode(),
        quote(secret, safe="").encode(),
        json.dumps({"a": secret}).encode(),
        json.dumps(secret, ensure_ascii=False).encode(),
        repr(secret).encode(),
        encoded,
        base64.urlsafe_b64encode(before.encode() + plain),
    ):
        shown = masked(b"x" + written + b"y", secret)
        assert MASK in shown
        assert plain not in shown
        assert all(form not in shown for form in forms([secret]))
    # What is left of base64 is what the neighbours have a part in.
    assert len(masked(encoded, secret)) <= len(MASK) + 4 + (len(before) + 3) * 4 // 3
    if not before:
        lines = base64.encodebytes(plain)
        assert all(form not in masked(lines, secret) for form in forms([secret]))
        assert len(masked(lines, secret).replace(MASK, b"")) < 16


def test_quotes_of_a_shell_hide_nothing():
    assert b"s3cr" not in masked(shlex.quote(TOKEN).encode(), TOKEN)
    assert masked(b"Authorization: Basic " + base64.b64encode(b"ana:hunter22"), "hunter22").count(MASK) == 1


SECRETS = st.lists(st.text("ab\n", min_size=LEAST, max_size=9), min_size=1, max_size=3)


@given(
    secrets=SECRETS,
    pieces=st.lists(st.text("ab\nc", max_size=12).map(str.encode), max_size=8),
)
def test_where_a_stream_is_cut_makes_no_difference(secrets, pieces):
    patterns = forms(secrets)
    masker = Masker(patterns)
    streamed = b"".join([*map(masker.feed, pieces), masker.flush()])
    assert streamed == masked_bytes(b"".join(pieces), patterns)
    assert all(pattern not in streamed for pattern in patterns if set(pattern) <= set(b"ab"))


def test_nothing_else_is_changed_and_only_what_may_be_a_secret_is_held_back():
    masker = Masker(forms(["password123", "pass"]))
    assert masker.feed(b"my pass") == b"my "
    assert masker.feed(b"word12") == b""
    assert masker.feed(b"3!") == MASK + b"!"
    assert masker.feed(b"a pa") + masker.feed(b"th") == b"a path"
    assert masker.feed(b"the pass") == b"the "
    assert masker.flush() == MASK
    assert masked_text("\ud800 naïve pass", forms(["pass"])) == f"\ud800 naïve {REDACTED}"


def test_the_mask_is_that_of_the_log():
    assert MASK.decode() == REDACTED


@pytest.mark.parametrize("cut", [1, 3, 7, 64])
def test_a_secret_is_masked_also_where_the_output_before_it_lacked_its_bytes(cut: int):
    secret = "ghp_0123456789abcdefXYZ"
    masker, masked = Masker(forms([secret])), b""
    quiet = b"- " * 400
    for noise in (quiet, quiet, b"", b"0123456789abcdefXYZ_ghp " * 40, b""):
        for piece in (noise, f"token={secret}.".encode(), noise):
            for at in range(0, len(piece), cut):
                masked += masker.feed(piece[at : at + cut])
    masked += masker.flush()
    assert secret.encode() not in masked
    assert masked.count(b"token=[redacted].") == 5
