"""Servers that take notices: one of HTTP, one of mail."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

_PIECES = 1_000
"""Then a slow server gives up, so that a client that never leaves it is seen."""


class Posted(NamedTuple):
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Hook:
    """What a server of webhooks was sent; `answers` are its next statuses, then 204."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answers: list[int] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"


@contextmanager
def hook_server() -> Iterator[Hook]:
    """Serve webhooks on a port of this machine."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posted.append(Posted(self.path, dict(self.headers.items()), body))
            status = hook.answers.pop(0) if hook.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Slow:
    """A server that is never done; `was_left` says whether its client went away from it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.was_left = False


@contextmanager
def slow_server(piece: bytes) -> Iterator[Slow]:
    """Send a piece again and again, each long before a time-out of a socket."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()
    slow = Slow(listener.getsockname()[1])

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                try:
                    for _ in range(_PIECES):
                        connection.sendall(piece)
                        if over.wait(0.01):
                            return
                except OSError:
                    slow.was_left = True

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield slow
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class Mailbox:
    """What a server of mail was told, line by line, and the letters that it took."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.letters: list[str] = []
        self.goodbye = b"221 bye\r\n"
        self.refused = ""
        """The address that it refuses."""
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        """With what it answers to STARTTLS; None = it does not know that."""


def certificate(folder: Path) -> Path:
    """Return a file with a certificate for localhost, and its key; skips the test without `openssl`."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    file = folder / "localhost.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    key = folder / "localhost.key"
    subprocess.run([*words, "-keyout", key, "-out", file], check=True, capture_output=True)
    file.write_text(key.read_text() + file.read_text())
    return file


@contextmanager
def mail_server(tls: Path | None = None) -> Iterator[Mailbox]:
    """Take mail on a port of this machine: SMTP with AUTH, with STARTTLS by a certificate if one is given."""
    box = Mailbox()
    if tls is not None:
        box.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        box.tls.load_cert_chain(tls)
    listener = socket.create_server(("127.0.0.1", 0))
    box.port = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # A client that goes away in the middle ends its own conversation.
            with suppress(OSError), connection:
                _talk(box, connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield box
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _talk(box: Mailbox, connection: socket.socket) -> None:
    with connection.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 ready\r\n")
        is_to_be_safe = _answer(box, stream, offers=b"250-STARTTLS\r\n" if box.tls else b"")
    if is_to_be_safe and box.tls is not None:
        with box.tls.wrap_socket(connection, server_side=True) as safe:
            box.said.append(f"({safe.version()})")
            with safe.makefile("rwb", buffering=0) as stream:
                _answer(box, stream, offers=b"")


def _answer(box: Mailbox, stream: socket.SocketIO, *, offers: bytes) -> bool:
    """Answer until the client ends; return whether it wants to go on with TLS."""
    while line := stream.readline():
        word = line.decode().strip()
        box.said.append(word)
        match word.split()[0].upper():
            case "EHLO":
                stream.write(b"250-here\r\n" + offers + b"250 AUTH PLAIN\r\n")
            case "STARTTLS" if offers:
                stream.write(b"220 go on\r\n")
                return True
            case "AUTH":
                stream.write(b"235 welcome\r\n")
            case "RCPT" if box.refused and box.refused in word:
                stream.write(b"550 unknown\r\n")
            case "DATA":
                stream.write(b"354 go on\r\n")
                letter = b""
                while not letter.endswith(b"\r\n.\r\n"):
                    letter += stream.readline()
                box.letters.append(letter.decode())
                stream.write(b"250 taken\r\n")
            case "QUIT":
                stream.write(box.goodbye)
                return False
            case _:
                stream.write(b"250 ok\r\n")
    return False
