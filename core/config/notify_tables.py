"""The table `[notify.NAME]` of config.toml, as it is written there.

Read by the sections; `notify` makes nouns of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.config.field_types import Argument, Clock, Duration, Text, Webhook, Zone, matching
from core.config.tables import Table
from core.model.notices import Signal, Topic

HeaderName = Annotated[
    str, matching(r"[A-Za-z0-9-]{1,200}", "a name of a header: at most 200 letters, digits and -")
]
HeaderText = Annotated[
    str, matching(r"[\t\x20-\x7e\xa0-\xff]{0,4000}", "one line of at most 4,000 characters of Latin-1")
]
Address = Annotated[
    str, matching(r"(?=.{3,320}\Z)[^\s@]+@[^\s@]+", "an address of mail, such as ops@example.com")
]


class EmailTable(Table):
    """`email` of a sink."""

    to: Annotated[list[Address], Field(min_length=1, max_length=50)]
    """Who gets it."""
    sender: Annotated[Address, Field(alias="from")]
    """Who it is from."""
    server: Text = "localhost"
    """The server that takes mail."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 25
    """Its port."""
    starttls: bool = False
    """Encrypt the connection before anything is said on it; refused by the server, nothing is sent."""
    user: Annotated[str, Field(max_length=320)] = ""
    """Log in as this; needs `password`."""
    password: Annotated[str, Field(max_length=1_000)] = ""
    """Of `user`."""

    @model_validator(mode="after")
    def _whole(self) -> EmailTable:
        if bool(self.user) != bool(self.password):
            raise ValueError("must have both of `user` and `password`, or none")
        return self


class QuietTable(Table):
    """`quiet` of a sink."""

    starts: Annotated[Clock, Field(alias="from")]
    """When quiet hours begin, such as "22:00"."""
    ends: Annotated[Clock, Field(alias="to")]
    """When they end; before `from` = on the next day."""
    zone: Zone = "UTC"
    """Of these times."""

    @model_validator(mode="after")
    def _hours(self) -> QuietTable:
        if self.starts == self.ends:
            raise ValueError("`from` and `to` must differ")
        return self


class NotifyTable(Table):
    """`[notify.NAME]`."""

    webhook: Webhook | None = None
    """An address that gets each delivery as a POST of JSON."""
    headers: dict[HeaderName, HeaderText] = Field(default_factory=dict)
    """Headers of that POST."""
    command: Annotated[list[Argument], Field(min_length=1, max_length=100)] | None = None
    """A program that gets it on its standard input."""
    email: EmailTable | None = None
    """Addresses that get it by mail."""
    console: Annotated[list[Annotated[Signal, Field(strict=False)]], Field(min_length=1)] | None = None
    """How each console that is open tells of it: toast, bell, desktop (OSC 9)."""
    on: Annotated[list[Annotated[Topic, Field(strict=False)]], Field(min_length=1)]
    """What is told."""
    status: list[Literal["succeeded", "failed", "cancelled"]] = Field(default_factory=list)
    """Of `job_ended`: only jobs that ended so."""
    workflow: list[Text] = Field(default_factory=list)
    """Of `job_ended`: only jobs of these workflows."""
    every: Duration = 60_000
    """The least time between two deliveries; what comes meanwhile is grouped."""
    quiet: QuietTable | None = None
    """Hours in which nothing is sent; it is grouped and sent afterwards."""

    @model_validator(mode="after")
    def _one(self) -> NotifyTable:
        ways = (self.webhook, self.command, self.email, self.console)
        if sum(one is not None for one in ways) != 1:
            raise ValueError("must have one of webhook, command, email, console")
        if self.headers and self.webhook is None:
            raise ValueError("`headers` are of a webhook")
        if (self.status or self.workflow) and Topic.JOB_ENDED not in self.on:
            raise ValueError("`status` and `workflow` are for `job_ended`, which `on` does not have")
        return self
