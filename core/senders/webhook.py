"""Webhooks: one POST of a message as JSON.

Used by `sending`.
"""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from core.model.notices import Sink
from core.model.version import VERSION
from core.senders.message import DeliveryFailed, Message

SECONDS = 15.0
"""For the server to take a message, connecting and answering each."""
_READ = 65_536


def post(sink: Sink, message: Message) -> None:
    """Post a message; any answer but 2xx is a failure, redirects too: they would carry headers elsewhere."""
    url = urlsplit(sink.webhook)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise DeliveryFailed("its `webhook` is not an http URL")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"taskdeck/{VERSION}",
        **sink.headers,
        "Idempotency-Key": message.key,
    }
    target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
    # What goes wrong must not quote the URL, which may hold a secret.
    try:
        connection = _connect(url.scheme, url.hostname, url.port)
    except ValueError as error:
        raise DeliveryFailed("its `webhook` has a port that is none") from error
    try:
        connection.request("POST", target, message.json, headers)
        answer = connection.getresponse()
        answer.read(_READ)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise DeliveryFailed(f"{url.hostname} could not be asked: {reason}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise DeliveryFailed(f"{url.hostname} answered {answer.status}")


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=ssl.create_default_context())
