"""What arrives by each way to send, and what does not."""

from __future__ import annotations

import json
import resource
import socket
from pathlib import Path

import pytest

from core.model.notices import Email, Signal, Sink, Topic
from core.model.records import replace
from core.senders import DeliveryFailed, Message, command, mail, send, webhook
from tests.support.notice_servers import certificate, hook_server, mail_server, slow_server
from tests.support.waiting import until_now

MESSAGE = Message(subject="s\nInjected: x", lines=("one", "two é"), key="k-1", body={"count": 2})


def sink(**more: object) -> Sink:
    return Sink(name="s", on=(Topic.LOST,), **more)


def refused(one: Sink) -> str:
    with pytest.raises(DeliveryFailed) as failed:
        send(one, MESSAGE)
    return str(failed.value)


def test_a_webhook_gets_json_with_its_headers_and_the_key_of_the_delivery():
    with hook_server() as hook:
        send(sink(webhook=hook.url, headers={"X-A": "b", "Idempotency-Key": "mine"}), MESSAGE)
        (posted,) = hook.posted
        assert (posted.path, json.loads(posted.body)) == ("/hook?a=b", {"count": 2})
        assert posted.headers["Idempotency-Key"] == "k-1"
        assert posted.headers["X-A"] == "b"
        assert posted.headers["Content-Type"] == "application/json"
        hook.answers = [500, 302]
        assert "answered 500" in refused(sink(webhook=hook.url))
        assert "answered 302" in refused(sink(webhook=hook.url))
        assert len(hook.posted) == 3, "a redirect is not followed"


def test_a_webhook_that_is_not_there_is_told_without_its_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = refused(sink(webhook=f"http://127.0.0.1:{port}/secret"))
    assert "could not be asked: Connection refused" in said
    assert "secret" not in said
    assert "secret" not in refused(sink(webhook="http://127.0.0.1:99999/secret"))


def test_a_command_gets_json_and_its_end_counts(tmp_path: Path):
    script = f'cat >"{tmp_path}/in"; printf %s "$TASKDECK_NOTICE_KEY $TASKDECK_NOTICE_SINK" >"{tmp_path}/env"'
    send(sink(command=("sh", "-c", script)), MESSAGE)
    assert json.loads((tmp_path / "in").read_text()) == {"count": 2}
    assert (tmp_path / "env").read_text() == "k-1 s"
    assert refused(sink(command=("sh", "-c", "echo broken >&2; exit 3"))) == "sh ended with 3: broken"
    assert "cannot be run" in refused(sink(command=("/none",)))


def test_a_command_that_does_not_end_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "SECONDS", 0.2)
    said = refused(sink(command=("sh", "-c", f'sleep 600 & echo $! >"{tmp_path}/pid"; wait')))
    assert "did not end" in said
    pid = int((tmp_path / "pid").read_text())
    until_now(lambda: not Path(f"/proc/{pid}").exists(), "the child is gone")


def test_mail_goes_to_all_addresses_and_cannot_carry_headers_of_its_text():
    with mail_server() as box:
        email = Email(
            to=("a@x", "b@x"), sender="d@x", server="127.0.0.1", port=box.port, user="u", password="p"
        )
        send(sink(email=email), MESSAGE)
        (letter,) = box.letters
        assert "To: a@x, b@x" in letter
        assert "\nInjected:" not in letter
        assert "<k-1@taskdeck>" in letter
        assert any(line.startswith("AUTH PLAIN") for line in box.said)
        box.refused = "b@x"
        with pytest.raises(DeliveryFailed) as failed:
            send(sink(email=email), MESSAGE)
        assert str(failed.value) == "127.0.0.1 refused b@x; the other addresses have it"
        assert failed.value.is_final, "they would have it twice"
        sealed = Email(
            to=("a@x",),
            sender="d@x",
            server="127.0.0.1",
            port=box.port,
            starttls=True,
            user="u",
            password="p",
        )
        before = len(box.said)
        assert "did not take the mail" in refused(sink(email=sealed))
        assert not any(line.startswith(("AUTH", "MAIL")) for line in box.said[before:]), "nothing in clear"


def test_mail_goes_over_tls_to_a_server_whose_certificate_is_known_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = certificate(tmp_path)
    with mail_server(file) as box:
        email = Email(
            to=("a@x",),
            sender="d@x",
            server="localhost",
            port=box.port,
            starttls=True,
            user="u",
            password="p",
        )
        assert "certificate verify failed" in refused(sink(email=email))
        assert box.letters == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        send(sink(email=email), MESSAGE)
        (letter,) = box.letters
        assert "To: a@x" in letter
        begun = max(number for number, line in enumerate(box.said) if line.startswith("(TLS"))
        words = [line.split()[0] for line in box.said[begun:]]
        assert words[:3] == [box.said[begun], "ehlo", "AUTH"], "the password comes after the handshake"
        assert not any(line.startswith("AUTH") for line in box.said[:begun])
        named = replace(email, server="127.0.0.1")
        assert "did not take the mail" in refused(sink(email=named)), "the name in the certificate is another"
    assert len(box.letters) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"webhook": "http://x/${{ secrets.A }}"},
        {"webhook": "http://127.0.0.1:1/", "headers": {"Authorization": "Bearer ${{ secrets.A }}"}},
        {"email": Email(to=("a@x",), sender="d@x", password="${{ secrets.A }}")},
    ],
)
def test_an_expression_is_not_sent_as_it_is_written(more: dict):
    assert "an expression" in refused(sink(**more))


def test_a_console_is_sent_nothing():
    send(sink(console=(Signal.TOAST,)), MESSAGE)


@pytest.mark.parametrize(
    "address", ["http://[::1/secret", "http://x/secr\x00et", "http://u:p@x/secret", "http://x/é"]
)
def test_a_webhook_that_a_secret_makes_no_address_is_told(address: str):
    assert refused(sink(webhook=address)) == "its `webhook` is not an http URL without a password"


def test_a_server_that_answers_for_ever_is_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.2)
    monkeypatch.setattr(mail, "SECONDS", 0.2)
    with slow_server(b"H") as server:
        assert refused(sink(webhook=f"http://127.0.0.1:{server.port}/")) == (
            "127.0.0.1 could not be asked: no answer within 0.2 s"
        )
        until_now(lambda: server.was_left, "the server is left")
    with slow_server(b"220-a\r\n") as server:
        email = Email(to=("a@x",), sender="d@x", server="127.0.0.1", port=server.port)
        assert refused(sink(email=email)) == "127.0.0.1 did not take the mail: no answer within 0.2 s"
        until_now(lambda: server.was_left, "the server is left")


def test_mail_that_was_taken_is_sent_whatever_the_server_says_to_a_goodbye():
    with mail_server() as box:
        box.goodbye = b"500 what?\r\n"
        send(sink(email=Email(to=("a@x",), sender="d@x", server="127.0.0.1", port=box.port)), MESSAGE)
        assert len(box.letters) == 1


def test_a_command_has_ended_though_what_it_started_goes_on(tmp_path: Path):
    send(sink(command=("sh", "-c", f'cat >"{tmp_path}/in"; sleep 600 & echo $! >"{tmp_path}/pid"')), MESSAGE)
    pid = int((tmp_path / "pid").read_text())
    until_now(lambda: not Path(f"/proc/{pid}").exists(), "the child is gone")
    assert json.loads((tmp_path / "in").read_text()) == {"count": 2}


def test_of_what_a_command_says_only_the_end_is_kept():
    large = Message(subject="s", lines=(), key="k", body={"text": "x" * 2**20})
    said = sink(command=("sh", "-c", "head -c 30000000 /dev/zero >&2; echo >&2; echo broken >&2; exit 3"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DeliveryFailed, match=r"^sh ended with 3: broken$"):
        send(said, large)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "in KiB"
