"""Certificates that calls trust, read once by each process of tests."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx
import pytest

_PLACES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def certificates_read_once() -> Iterator[None]:
    """Let the hundreds of clients share what they trust: reading that is most of a short call."""
    create = httpx.create_ssl_context

    @cache
    def made(options: tuple[tuple[str, Any], ...], _: tuple[str | None, ...]) -> ssl.SSLContext:
        context = create(**dict(options))
        # The first client reads those of the system, if it does at all.
        context.load_default_certs = cache(context.load_default_certs)  # type: ignore[method-assign]
        return context

    def shared(**options: Any) -> ssl.SSLContext:
        return made(tuple(sorted(options.items())), tuple(os.environ.get(name) for name in _PLACES))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", shared)
        yield
