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
    if _has_expression(sink):
        # As it is written it would reach the server, which cannot use it and learns the name.
        raise DeliveryFailed("it holds an expression other than `${{ secrets.NAME }}`")
    if sink.console:
        # Consoles hear of it by the event of its end.
        return
    if sink.command:
        run(sink, message)
    elif sink.email is not None:
        mail(sink, message)
    else:
        post(sink, message)


def _has_expression(sink: Sink) -> bool:
    email = () if sink.email is None else (sink.email.user, sink.email.password)
    texts = (sink.webhook, *sink.headers.values(), *email)
    return any("${{" in text for text in texts)
