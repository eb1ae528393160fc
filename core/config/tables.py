"""The tables of config.toml, as they are written there.

Read by the capacity, which makes nouns of them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.config.field_types import (
    Amount,
    Argument,
    Clock,
    Dollars,
    Duration,
    EstimateAfter,
    HostPort,
    HttpUrl,
    Lasting,
    Moment,
    Name,
    Rate,
    Share,
    Tag,
    Text,
    Unit,
    Zone,
)
from core.model.backend_checks import EVERY_MS, TIMEOUT_MS
from core.model.limits.limits import MICRO, OnExhausted, Per, PoolOrder, Window

SLOTS_MAX = 10_000
STARTS_MAX = 1_000_000
TOKENS_MAX = 1_000_000_000
CHECK_LEAST = 1_000
"""ms between two looks at a backend, at the least."""


class Table(BaseModel):
    """A table: no other keys than these, no text for a number."""

    # Built with the first table of its kind: most files have none, and every engine would wait for it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class PoolTable(Table):
    """`[pools.NAME]`."""

    slots: Annotated[int, Field(ge=1, le=SLOTS_MAX)] | None = None
    """Attempts that run in it at once; required but of `default`, which has the setting `slots`."""
    queues: Annotated[list[Name], Field(min_length=1, max_length=1_000)] | None = None
    """The queues it takes from; without it all."""
    order: Annotated[PoolOrder, Field(strict=False)] = PoolOrder.PRIORITY
    """`priority`: one order over all its queues; `listed`: the first of them first."""

    @field_validator("queues")
    @classmethod
    def _once(cls, queues: list[str] | None) -> list[str] | None:
        if queues and len(set(queues)) < len(queues):
            raise ValueError("must name each queue once")
        return queues

    @model_validator(mode="after")
    def _listed(self) -> PoolTable:
        if self.order is PoolOrder.LISTED and not self.queues:
            raise ValueError("order = listed needs `queues`, in the order in which it takes from them")
        return self


class OnTable(Table):
    """`on = {...}`: which tasks are under a limit; all must fit."""

    queue: Name | None = None
    pool: Name | None = None
    connector: Text | None = None
    project: Text | None = None
    workflow: Text | None = None
    host: Text | None = None
    model: Text | None = None
    tag: Tag | None = None


class ConcurrencyTable(Table):
    """`[limits.NAME]` with `kind = "concurrency"`."""

    kind: Literal["concurrency"]
    max: int = Field(ge=0, le=STARTS_MAX)
    """Attempts that may be open at once."""
    on: OnTable | None = None


class RateTable(Table):
    """`[limits.NAME]` with `kind = "rate"`."""

    kind: Literal["rate"]
    rate: Rate
    """Starts per period: `60/min`."""
    burst: int = Field(default=1, ge=1, le=STARTS_MAX)
    """Starts that may come at once, after a rest."""
    on: OnTable | None = None


class _Windowed(Table):
    """What begins again with each window."""

    per: Annotated[Per, Field(strict=False)] = Per.TOTAL
    """`minute`, `hour`, `day`, `week`, `month`; or `total`, `job`, which never begin again."""
    zone: Zone = "UTC"
    """Whose midnight, Monday and 1st these are."""
    starts: Clock = 0
    """The time of the day at which a window begins."""

    @model_validator(mode="after")
    def _turns(self) -> _Windowed:
        if self.per in (Per.TOTAL, Per.JOB) and {"zone", "starts"} & self.model_fields_set:
            raise ValueError(f"`zone` and `starts` are of windows that begin again, not of per = {self.per}")
        return self

    @property
    def window(self) -> Window:
        """When it begins again."""
        return Window(per=self.per, zone=self.zone, starts_ms=self.starts)


class QuotaTable(_Windowed):
    """`[limits.NAME]` with `kind = "quota"`."""

    kind: Literal["quota"]
    max: Amount
    """Starts, or an amount of `unit`, of a window."""
    per: Annotated[Per, Field(strict=False)]
    unit: Unit | None = None
    """What is counted; without it starts."""
    on: OnTable | None = None

    @model_validator(mode="after")
    def _whole(self) -> QuotaTable:
        if self.unit is None and self.max % MICRO:
            raise ValueError("`max` must be a whole number of starts without a `unit`")
        return self


class BudgetTable(_Windowed):
    """`[budgets.NAME]`."""

    unit: Unit
    """`usd`, `tokens`, `calls`, `seconds` or a name of your own."""
    max: Amount
    """The amount of a window."""
    soft: Share | None = None
    """The share of it from which on operators are told."""
    default_cost: Amount = 0
    """What is reserved for a task that estimates nothing."""
    unknown: EstimateAfter | None = None
    """`estimate after 24h`: what an attempt used whose end was not seen is booked as estimated after that."""
    on_exhausted: Annotated[OnExhausted, Field(strict=False)] = OnExhausted.WAIT
    """What a task does when the budget is spent: `wait`, `fail`, `finish`."""
    on: OnTable = Field(default_factory=OnTable)
    """Which tasks are under it; without it all."""


class PriceTable(Table):
    """`[prices."MODEL"]`, or one of several `[[prices."MODEL"]]`."""

    input: Dollars
    """Dollars for `per` tokens that go in."""
    output: Dollars
    """Dollars for `per` tokens that come out."""
    per: int = Field(default=MICRO, ge=1, le=TOKENS_MAX)
    """Tokens that these are the prices of."""
    since: Moment = Field(default=0, alias="from")
    """The day from which on it holds."""


class MatchTable(Table):
    """`match = {...}`: which calls go to a backend; all must fit."""

    host: Text | None = None
    connector: Text | None = None
    pool: Name | None = None
    model: Text | None = None

    @model_validator(mode="after")
    def _any(self) -> MatchTable:
        if not self.model_fields_set:
            raise ValueError("must have one of host, connector, pool, model")
        return self


class BreakerTable(Table):
    """`breaker = {...}`: when nothing is sent to a backend any more."""

    failures: int = Field(default=5, ge=1, le=1_000)
    """Failures of one class within `period` that open it."""
    period: Duration = 60_000
    rest: Duration = 30_000
    """How long it lets nothing through before single probes."""


class CheckTable(Table):
    """`check = {...}`: how the engine looks whether a backend is there; one of http, tcp, command."""

    http: HttpUrl | None = None
    """An address that must answer a GET with 200 to 399."""
    tcp: HostPort | None = None
    """`HOST:PORT` that must take a connection."""
    command: Annotated[list[Argument], Field(min_length=1, max_length=100)] | None = None
    """A program and its arguments, without a shell; it must end with 0."""
    every: Annotated[Duration, Field(ge=CHECK_LEAST)] = EVERY_MS
    timeout: Duration = TIMEOUT_MS
    """After that a look has no answer."""
    slow: Duration | None = None
    """An answer that takes longer is slow."""
    rise: int = Field(default=2, ge=1, le=100)
    """Answers in a row that make it up again."""
    fall: int = Field(default=2, ge=1, le=100)
    """Looks without an answer in a row that make it down."""

    @model_validator(mode="after")
    def _one(self) -> CheckTable:
        if sum(one is not None for one in (self.http, self.tcp, self.command)) != 1:
            raise ValueError("must have one of http, tcp, command")
        if self.timeout > self.every:
            named = "" if "timeout" in self.model_fields_set else ", 5s unless it is named,"
            raise ValueError(f"`timeout`{named} must not be longer than `every`")
        if self.slow is not None and self.slow >= self.timeout:
            raise ValueError("`slow` must be shorter than `timeout`")
        return self


class BackendTable(Table):
    """`[backends.NAME]`."""

    match: MatchTable
    """Which calls go to it."""
    breaker: BreakerTable = Field(default_factory=BreakerTable)
    retry_share: Share = 0.2
    """Retries may be so much of its starts."""
    check: CheckTable | None = None
    """While it says down, nothing of the backend starts."""


LIMIT_TABLES: Final[dict[str, type[ConcurrencyTable | RateTable | QuotaTable]]] = {
    "concurrency": ConcurrencyTable,
    "rate": RateTable,
    "quota": QuotaTable,
}
"""The tables of limits by their kind."""


class KeepTable(Table):
    """`succeeded = {...}` and `failed = {...}` of `[retention]` and of its workflows."""

    outputs: Lasting | None = None
    """How long after its end a task keeps what it wrote: `"30d"`, `"never"`."""
    rows: Lasting | None = None
    """How long after its end a job, or a loose task, stays with its history."""
    jobs: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """How many of the newest jobs of one workflow stay; all without it."""


class KeepBothTable(Table):
    """`[retention.workflows.NAME]`."""

    succeeded: KeepTable = KeepTable()
    """Of jobs and tasks that succeeded; 30 days of outputs and 90 of rows without it."""
    failed: KeepTable = KeepTable()
    """Of those that failed or were cancelled; a year without it."""


class RetentionTable(KeepBothTable):
    """`[retention]`."""

    history: Lasting | None = None
    """How long events of no job, fires, unnamed documents and free keys stay; a year without it."""
    ledger: Lasting | None = None
    """After how long entries of purged attempts are summed up by month; never without it."""
    archive: Text | None = None
    """A folder to which rows are written before they go; below the data directory unless it is absolute."""
    workflows: dict[str, KeepBothTable] = Field(default_factory=dict)
    """What holds for single workflows, by their name."""


NESTED: Final[dict[str, type[Table]]] = {
    "on": OnTable,
    "match": MatchTable,
    "breaker": BreakerTable,
    "check": CheckTable,
    "succeeded": KeepTable,
    "failed": KeepTable,
}
"""The tables within tables, by their key."""
