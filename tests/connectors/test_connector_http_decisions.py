"""Redirects, Retry-After and outputs, decided without a server."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connectors.http_answer import RETRY_AFTER_MAX_MS, Answer, output, retry_after_ms, tame_headers
from core.connectors.http_redirects import STATUSES, Hop, RedirectRefused, next_hop
from tests.connectors.inline_calls import NOW

SECRETS = {"Authorization": "a", "Cookie": "b", "X-Auth-Token": "c", "Host": "h"}


def hop(url="https://a.example/x", method="GET", **headers):
    return Hop(method=method, url=url, headers=headers)


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "POST", "GET", False),
        (303, "DELETE", "GET", False),
        (303, "HEAD", "HEAD", True),
        (301, "PUT", "PUT", True),
        (302, "DELETE", "DELETE", True),
        (307, "POST", "POST", True),
        (308, "PATCH", "PATCH", True),
    ],
)
def test_the_method_changes_as_the_rfc_says(status, method, then, body):
    onward = next_hop(hop(method=method), status, "/y")
    assert (onward.method, onward.body, onward.url) == (then, body, "https://a.example/y")


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/y", True),
        ("y?q=1", True),
        ("//a.example/y", True),
        ("https://a.example:443/y", True),
        ("HTTPS://A.EXAMPLE/y", True),
        ("https://a.example:444/y", False),
        ("https://b.example/y", False),
        ("https://a.example.b.example/y", False),
        ("//b.example/y", False),
        ("https://a.example@b.example/y", False),
    ],
)
def test_credentials_stay_within_their_origin(location, kept):
    onward = next_hop(hop(**SECRETS, Accept="x"), 302, location)
    assert dict(onward.headers) == ({**SECRETS, "Accept": "x"} if kept else {"Accept": "x"})


def test_http_to_https_is_another_origin():
    assert next_hop(hop("http://a.example/", **SECRETS), 302, "https://a.example/").headers == {}


def test_credentials_dropped_once_do_not_come_back():
    away = next_hop(hop(**SECRETS), 302, "https://b.example/")
    assert next_hop(away, 302, "https://a.example/").headers == {}


def test_user_password_and_fragment_of_a_location_are_not_used():
    assert next_hop(hop(), 302, "https://u:p@a.example/y#z").url == "https://a.example/y"


@pytest.mark.parametrize(
    "location",
    [
        "http://a.example/",
        "HTTP://b.example",
        "ftp://a.example/",
        "file:///etc/passwd",
        "javascript:x",
        "data:,x",
        "https://[::1",
        "https://a.example:x/",
        "https://a.example:99999/",
    ],
)
def test_dangerous_or_senseless_locations_are_refused(location):
    with pytest.raises(RedirectRefused):
        next_hop(hop(), 302, location)


@given(
    st.text(max_size=60) | st.from_regex(r"(https?:)?//[a-z.@:0-9]{0,20}/?.{0,10}", fullmatch=True),
    st.sampled_from(sorted(STATUSES)),
)
def test_no_location_leads_from_https_to_anything_but_https(location, status):
    try:
        onward = next_hop(hop(**SECRETS), status, location)
    except RedirectRefused:
        return
    parts = urlsplit(onward.url)
    assert parts.scheme == "https"
    assert parts.username is None
    if (parts.hostname, parts.port or 443) != ("a.example", 443):
        assert onward.headers == {}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0", 0),
        (" 120 ", 120_000),
        ("99999999999999999999", RETRY_AFTER_MAX_MS),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60_000),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60_000),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Fri, 31 Dec 2100 23:59:59 GMT", RETRY_AFTER_MAX_MS),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("\u0665", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_a_day(value, wanted):
    assert retry_after_ms(value, now=NOW) == wanted


@given(st.text(max_size=40))
def test_retry_after_takes_any_text(value):
    wanted = retry_after_ms(value, now=NOW)
    assert wanted is None or 0 <= wanted <= RETRY_AFTER_MAX_MS


def answer(head, kind="application/json", size=None):
    return Answer(
        status=200,
        headers={"content-type": kind} if kind else {},
        path=Path("/x/body"),
        head=head,
        size=len(head) if size is None else size,
    )


@pytest.mark.parametrize(
    "kind", ["application/json", "application/JSON; charset=utf-8", "application/problem+json"]
)
def test_json_is_parsed_where_the_type_says_so(kind):
    assert output(answer(b'{"a": 1}', kind))["json"] == {"a": 1}


@pytest.mark.parametrize("kind", ["text/plain", "", "application/jsonp", "text/html; application/json"])
def test_other_types_stay_text(kind):
    assert output(answer(b'{"a": 1}', kind))["text"] == '{"a": 1}'


@pytest.mark.parametrize(
    "head",
    [b"{", b"NaN", b"[Infinity]", b"\xff", b"", b"[" * 100_000, b"[" * 201 + b"]" * 201, b"9" * 5_000],
    ids=["half", "nan", "infinity", "no utf-8", "empty", "deep", "a little deep", "long number"],
)
def test_what_is_no_sane_json_is_text(head):
    assert "json" not in output(answer(head))
    assert isinstance(output(answer(head))["text"], str)


def test_deep_but_bearable_and_odd_json_is_parsed():
    assert "json" in output(answer(b"[" * 150 + b"]" * 150))
    assert output(answer(b'{"a": "\\ud800\\u0000", "b": 9223372036854775808}'))["json"]["b"] == 2**63


def test_json_that_is_not_all_there_is_text():
    assert "json" not in output(answer(b"[1]", size=300_000))


def test_text_is_bounded_and_decoded_as_named():
    assert len(output(answer(b"x" * 200_000, "text/plain"))["text"]) == 65_536
    assert output(answer(b"\xe4", "text/plain; charset=ISO-8859-1"))["text"] == "ä"
    assert output(answer(b"\xe4\x00", "text/plain"))["text"] == "\ufffd\x00"
    assert output(answer(b"\xe4", "text/plain; charset=iso-8859-99"))["text"] == "\ufffd"


@pytest.mark.parametrize(
    "charset", ["rot13", "zlib", "idna", "punycode", "unicode_escape", "utf-7", "nonsense"]
)
def test_a_server_cannot_choose_odd_charsets(charset):
    assert output(answer(b"a\\x41-+AGE-", f"text/plain; charset={charset}"))["text"] == "a\\x41-+AGE-"


def test_headers_are_tamed():
    pairs = [(b"A", b"1"), (b"a", b"2"), (b"B", b"x\x1b[31m\x9by"), (b"C", b"z" * 9_999)]
    tamed = tame_headers([*pairs, *((b"n%d" % n, b"") for n in range(500))])
    assert tamed["a"] == "1, 2"
    assert tamed["b"] == "x\ufffd[31m\ufffdy"
    assert (len(tamed["c"]), len(tamed)) == (2_048, 100)
    json.dumps(tamed)
