"""The sections of config.toml, in the order in which they are written.

Used to read, check and show the file. A section is a table, an example, and a line in `SECTIONS`.
"""

from __future__ import annotations

from typing import Final

from core.config.health_tables import HealthTable
from core.config.notify_tables import NotifyTable
from core.config.schedules_section import SCHEDULES
from core.config.secrets_section import SECRETS
from core.config.section import Form, Section
from core.config.tables import (
    LIMIT_TABLES,
    BackendTable,
    BudgetTable,
    ConcurrencyTable,
    PoolTable,
    PriceTable,
    RetentionTable,
    Table,
)

ENGINE: Final = "engine"
"""The section of the settings, which may stand at the top of the file as well."""

POOLS: Final = Section(
    name="pools",
    table=PoolTable,
    example="""\
[pools.default]                 # its slots are the setting `slots`; without any pool it is the only one
[pools.gpu]
slots = 2                       # attempts that run in it at once
queues = ["gpu"]                # the queues it takes from; without it all
order = "priority"              # one order over all its queues; "listed": the first of them first
""",
)
LIMITS: Final = Section(
    name="limits",
    table=ConcurrencyTable,
    kinds=LIMIT_TABLES,
    example="""\
[limits.db]
kind = "concurrency"            # attempts that are open at once
max = 3
on = { host = "db1" }           # queue, pool, connector, project, workflow, host, model, tag; {} = all tasks;
                                # without `on` it is for the tasks that name it
[limits.api]
kind = "rate"                   # starts per s, sec, min, hour or day
rate = "60/min"
burst = 10                      # starts that may come at once after a rest
[limits.mails]
kind = "quota"                  # starts, or with `unit` an amount, of a window
max = 100
per = "day"                     # minute, hour, day, week (Mondays), month (the 1st), total, job
zone = "Europe/Berlin"          # UTC without it
starts = "06:00"                # midnight without it
""",
)
BUDGETS: Final = Section(
    name="budgets",
    table=BudgetTable,
    example="""\
[budgets.team]
unit = "usd"                    # usd, tokens, calls, seconds, or a name of your own
max = 20                        # at most 6 decimals, counted exactly
per = "month"                   # total without it
soft = 0.8                      # operators are told from this share on
default_cost = 0.02             # reserved for a task that estimates nothing
unknown = "estimate after 24h"  # booked as estimated then; without it an operator reconciles
on_exhausted = "wait"           # or fail, finish
on = { project = "red" }        # without it every task
""",
)
PRICES: Final = Section(
    name="prices",
    table=PriceTable,
    form=Form.FREE,
    example="""\
[[prices."gpt-x"]]              # dollars for `per` tokens that go in, and that come out
input = 2.5
output = 10
per = 1_000_000
[[prices."gpt-x"]]
input = 2
output = 8
from = 2026-01-01               # the day from which on it holds
""",
)
BACKENDS: Final = Section(
    name="backends",
    table=BackendTable,
    example="""\
[backends.model-api]
match = { host = "api.example.com" }                    # host, connector, pool, model
breaker = { failures = 5, period = "1m", rest = "30s" } # when nothing is sent to it any more
retry_share = 0.2                                       # retries may be so much of its starts
check = { http = "https://api.example.com/health", every = "30s", timeout = "5s", slow = "1s" }
                                                        # or tcp = "HOST:PORT", command = [...]; rise, fall
""",
)
NOTIFY: Final = Section(
    name="notify",
    table=NotifyTable,
    example="""\
[notify.team]
webhook = "https://chat.example.com/hooks/deck"         # or command = [...], or email = {...}
headers = { Authorization = "Bearer ${{ secrets.chat }}" }
on = ["job_ended", "new_failure", "backend_down"]       # soft_limit, backend_up, missed_schedule, silence,
                                                        # lost, no_room
status = ["failed"]             # of job_ended: succeeded, failed, cancelled; none = all
workflow = ["nightly"]          # of job_ended; none = all
every = "5m"                    # the least time between two deliveries; what comes meanwhile is grouped
quiet = { from = "22:00", to = "07:00", zone = "Europe/Berlin" } # nothing is sent then, but afterwards
[notify.ops]
email.to = ["ops@example.com"]
email.from = "deck@example.com"
email.server = "mail.example.com"
email.port = 587
email.starttls = true
email.user = "deck"
email.password = "${{ secrets.mail }}"
on = ["no_room", "lost"]
""",
)

HEALTH: Final = Section(
    name="health",
    table=HealthTable,
    form=Form.ONE,
    example="""\
[health]
load = { soft = 16, hard = 64 }                 # processes for each processor, over a minute
memory = { soft = "10%", hard = "3%" }          # what is available; {} at a key = no line
disk = { soft = "1GiB", hard = "256MiB" }       # what is free
inodes = { soft = "5%", hard = "1%" }
store = { soft = "16GiB" }                      # its size
wal = { soft = "64MiB", hard = "256MiB" }
loop = { soft = "1s", hard = "5s" }             # the longest turn of the engine's loop
reader = { soft = "10s", hard = "60s" }         # the oldest that keeps the log from being emptied
clock = { soft = "2s", hard = "1h" }            # steps of the wall clock
""",
)

RETENTION: Final = Section(
    name="retention",
    table=RetentionTable,
    form=Form.ONE,
    example="""\
[retention]                     # what has ended goes so long after its end; "never" = it stays
succeeded = { outputs = "30d", rows = "90d" }
failed = { outputs = "365d", rows = "365d" }            # cancelled, too
history = "365d"                # events of no job, fires, documents that nothing names, keys that are free
ledger = "never"                # what purged attempts spent; older entries are summed up by month
archive = "archive"             # a folder for the rows, as JSON lines, before they go; none without it
[retention.workflows.nightly]
succeeded = { rows = "14d", jobs = 100 }                # at most the newest 100 jobs
""",
)

SECTIONS: Final[tuple[Section[Table], ...]] = (
    POOLS,
    LIMITS,
    BUDGETS,
    PRICES,
    BACKENDS,
    HEALTH,
    SCHEDULES,
    SECRETS,
    RETENTION,
    NOTIFY,
)
NAMES: Final = (ENGINE, *(section.name for section in SECTIONS))
"""The tables at the top of config.toml; every other key there is a setting."""
