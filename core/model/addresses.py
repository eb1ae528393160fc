"""Addresses of outside systems: http URLs and ports, parsed.

Used by the configuration and the probes.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
_URL_MAX = 2_048
_HOST_MAX = 253


class HostPort(NamedTuple):
    """A host by name or number, and a port."""

    host: str
    port: int


class HttpAddress(NamedTuple):
    """An http URL in its parts; `path` has the query, and `netloc` stands in the Host header."""

    url: str
    is_tls: bool
    host: str
    port: int
    path: str
    netloc: str


def parse_http(url: str) -> HttpAddress:
    """Take an http or https URL apart; raise `ValueError` for another, and for one with a user in it."""
    if not 0 < len(url) <= _URL_MAX or any(ord(letter) <= 0x20 or ord(letter) >= 0x7F for letter in url):
        raise ValueError("not an address")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an http address")
    host, port = parts.hostname, parts.port
    if port == 0 or len(host) > _HOST_MAX:
        raise ValueError("not a port")
    path = parts.path or "/"
    return HttpAddress(
        url=url,
        is_tls=parts.scheme == "https",
        host=host,
        port=PORTS[parts.scheme] if port is None else port,
        path=f"{path}?{parts.query}" if parts.query else path,
        netloc=parts.netloc,
    )


def parse_host_port(text: str) -> HostPort:
    """Read `HOST:PORT`, a number of IPv6 in brackets; raise `ValueError` for another text."""
    if not 0 < len(text) <= _HOST_MAX + 8 or any(ord(one) <= 0x20 or ord(one) >= 0x7F for one in text):
        raise ValueError("not a host and a port")
    parts = urlsplit(f"//{text}")
    has_more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if has_more or not parts.hostname or not parts.port or "/" in text:
        raise ValueError("not a host and a port")
    return HostPort(parts.hostname, parts.port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
