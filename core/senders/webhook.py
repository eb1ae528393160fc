"""Webhooks: one POST of a message as JSON.

Used by `sending`.
"""

from __future__ import annotations

import http.client
import ssl

from core.model.addresses import HttpAddress, parse_http
from core.model.notices import Sink
from core.model.version import VERSION
from core.senders.limits import bounded
from core.senders.message import DeliveryFailed, Message

SECONDS = 15.0
"""For the server to take a message and answer."""
SILENCE = 15.0
"""For it to be connected, and for each piece of an answer."""


def post(sink: Sink, message: Message) -> None:
    """Post a message; any answer but 2xx is a failure, redirects too: they would carry headers elsewhere."""
    # What goes wrong must not quote the URL, which may hold a secret.
    try:
        url = parse_http(sink.webhook)
    except ValueError as error:
        raise DeliveryFailed("its `webhook` is not an http URL without a password") from error
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"taskdeck/{VERSION}",
        **sink.headers,
        "Idempotency-Key": message.key,
    }
    connection = _connect(url)
    try:
        with bounded(SECONDS, lambda: connection.sock) as limit:
            connection.request("POST", url.path, message.json, headers)
            answer = connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryFailed(f"{url.host} could not be asked: {limit.reason_of(error)}") from error
    finally:
        # The status says all: of a body that comes slowly nothing is read.
        connection.close()
    if not 200 <= answer.status < 300:
        raise DeliveryFailed(f"{url.host} answered {answer.status}")


def _connect(url: HttpAddress) -> http.client.HTTPConnection:
    if not url.is_tls:
        return http.client.HTTPConnection(url.host, url.port, timeout=SILENCE)
    return http.client.HTTPSConnection(
        url.host, url.port, timeout=SILENCE, context=ssl.create_default_context()
    )
