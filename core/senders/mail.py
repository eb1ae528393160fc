"""E-mail: one message to the addresses of a sink.

Used by `sending`.
"""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate

from core.model.notices import Email, Sink
from core.model.text import safe_line
from core.senders.limits import bounded
from core.senders.message import DeliveryFailed, Message

SECONDS = 30.0
"""For a mail to be taken."""
SILENCE = 30.0
"""For each piece of an answer."""
_READY = 220


def mail(sink: Sink, message: Message) -> None:
    """Send a message by mail; one address that is refused is a failure, and is not tried again."""
    email = sink.email
    if email is None:
        raise DeliveryFailed("it has no `email`")
    server = _Client(email.server)
    try:
        with bounded(SECONDS, lambda: server.sock) as limit:
            refused = _send(server, email, _letter(email, message))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        reason = limit.reason_of(error) if limit.is_over else _reason(error)
        raise DeliveryFailed(f"{email.server} did not take the mail: {reason}") from error
    finally:
        server.close()
    if refused:
        # Tried again, it would come to those that have it once more each time.
        names = ", ".join(sorted(refused))
        raise DeliveryFailed(f"{email.server} refused {names}; the other addresses have it", is_final=True)


class _Client(smtplib.SMTP):
    """One that can be broken off while it connects, and checks the certificate of its server."""

    def __init__(self, host: str) -> None:
        # With a host it would connect at once.
        super().__init__(timeout=SILENCE)
        self._host = host


def _send(server: _Client, email: Email, letter: EmailMessage) -> dict[str, tuple[int, bytes]]:
    code, said = server.connect(email.server, email.port)
    if code != _READY:
        raise smtplib.SMTPConnectError(code, said)
    if email.starttls:
        server.starttls(context=ssl.create_default_context())
    if email.user:
        server.login(email.user, email.password)
    refused = server.send_message(letter)
    # It is taken, whatever the server says to a goodbye.
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    return refused


def _letter(email: Email, message: Message) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = safe_line(message.subject)
    letter["From"] = email.sender
    letter["To"] = ", ".join(email.to)
    letter["Date"] = formatdate(localtime=False)
    # Of each try the same: servers that know it drop the second.
    letter["Message-ID"] = f"<{message.key}@taskdeck>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    return letter


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {safe_line(text)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return safe_line(str(error)) or type(error).__name__
