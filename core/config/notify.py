"""Sinks of notices, made of the tables of config.toml.

Used by the capacity.
"""

from __future__ import annotations

from core.config.notify_tables import EmailTable, NotifyTable, QuietTable
from core.model.notices import Email, Quiet, Sink


def sink_of(name: str, table: NotifyTable) -> Sink:
    """Return the noun of a table."""
    return Sink(
        name=name,
        on=tuple(table.on),
        webhook=table.webhook or "",
        headers=table.headers,
        command=tuple(table.command or ()),
        email=None if table.email is None else _email(table.email),
        console=tuple(table.console or ()),
        statuses=tuple(table.status),
        workflows=tuple(table.workflow),
        every_ms=table.every,
        quiet=None if table.quiet is None else _quiet(table.quiet),
    )


def _email(table: EmailTable) -> Email:
    return Email(
        to=tuple(table.to),
        sender=table.sender,
        server=table.server,
        port=table.port,
        starttls=table.starttls,
        user=table.user,
        password=table.password,
    )


def _quiet(table: QuietTable) -> Quiet:
    return Quiet(begins_ms=table.starts, ends_ms=table.ends, zone=table.zone)
