"""A config.toml with every table and key beside the settings."""

from __future__ import annotations

WHOLE = """
[pools.gpu]
slots = 2
queues = ["gpu", "default"]
order = "priority"
[pools.default]

[limits.db]
kind = "concurrency"
max = 3
on = { host = "db1", tag = "nightly" }
[limits.api]
kind = "rate"
rate = "60/min"
burst = 10
[limits.daily]
kind = "quota"
max = 100
per = "day"
zone = "Europe/Berlin"
starts = "06:00"
on = {}
[limits.tokens]
kind = "quota"
unit = "tokens"
max = 1_000.5
per = "week"

[budgets.team]
unit = "usd"
max = 20
per = "month"
soft = 0.8
default_cost = 0.02
unknown = "estimate after 24h"
on_exhausted = "finish"
on = { project = "red" }
[budgets.all]
unit = "usd"
max = 0.000001

[[prices."gpt-x"]]
input = 2.5
output = 10
[[prices."gpt-x"]]
input = 1.5e-6
output = 0.00001
per = 1
from = 2026-01-01

[backends.api]
match = { host = "api.example.com" }
breaker = { failures = 3, period = "1m30s", rest = 20 }
retry_share = 0.1
check = { tcp = "[::1]:5432", every = "1m", timeout = 2, slow = "500ms", rise = 3, fall = 1 }
[backends.web]
match = { connector = "http" }
check = { http = "https://api.example.com/health?deep=1" }
[backends.db]
match = { pool = "gpu" }
check = { command = ["pg_isready", "-q"] }
"""
