"""E-mail: one message to the addresses of a sink.

Used by `sending`.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from core.model.notices import Email, Sink
from core.model.text import safe_line
from core.senders.message import DeliveryFailed, Message

SECONDS = 30.0


def mail(sink: Sink, message: Message) -> None:
    """Send a message by mail; one address that is refused is a failure."""
    email = sink.email
    if email is None:
        raise DeliveryFailed("it has no `email`")
    try:
        refused = _send(email, _letter(email, message))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise DeliveryFailed(f"{email.server} did not take the mail: {_reason(error)}") from error
    if refused:
        raise DeliveryFailed(f"{email.server} refused {', '.join(sorted(refused))}")


def _send(email: Email, letter: EmailMessage) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(email.server, email.port, timeout=SECONDS) as server:
        if email.starttls:
            server.starttls(context=ssl.create_default_context())
        if email.user:
            server.login(email.user, email.password)
        return server.send_message(letter)


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
