"""Send a message to a sink, by the way that it names.

Used by the engine and by the command `notify test`.
"""

from __future__ import annotations

from core.model.notices import Sink
from core.senders.command import run
from core.senders.mail import mail
from core.senders.message import DeliveryFailed, Message
from core.senders.webhook import post


def send(sink: Sink, message: Message) -> None:
    """Make one try; blocks for half a minute at the most. Raises `DeliveryFailed`."""
    if _names_secret(sink):
        # As it is written it would reach the server, which cannot use it and learns the name.
        raise DeliveryFailed("it names a secret, and secrets are not resolved in notices yet")
    if sink.command:
        run(sink, message)
    elif sink.email is not None:
        mail(sink, message)
    else:
        post(sink, message)


def _names_secret(sink: Sink) -> bool:
    texts = (sink.webhook, *sink.headers.values(), sink.email.password if sink.email else "")
    return any("${{" in text for text in texts)
