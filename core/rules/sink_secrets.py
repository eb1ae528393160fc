"""Secrets in the address, headers and password of a sink.

Called by the engine's loop of notices and by the command `notify test`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from core.model.notices import Sink
from core.model.records import replace

_SECRET = re.compile(r"\$\{\{\s*secrets\.([A-Za-z0-9_.-]+?)\s*\}\}")


def secret_names(sink: Sink) -> frozenset[str]:
    """Return the names in `${{ secrets.NAME }}` of its texts, each once."""
    return frozenset(name for text in _texts(sink) for name in _SECRET.findall(text))


def with_secrets(sink: Sink, values: Mapping[str, str]) -> Sink:
    """Return a sink with these values in the place of their names."""

    def filled(text: str) -> str:
        return _SECRET.sub(lambda match: values.get(match[1], match[0]), text)

    email = sink.email
    return replace(
        sink,
        webhook=filled(sink.webhook),
        headers={name: filled(value) for name, value in sink.headers.items()},
        email=None
        if email is None
        else replace(email, user=filled(email.user), password=filled(email.password)),
    )


def _texts(sink: Sink) -> Iterator[str]:
    yield sink.webhook
    yield from sink.headers.values()
    if sink.email is not None:
        yield from (sink.email.user, sink.email.password)
