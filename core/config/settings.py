"""Settings: defaults, config.toml, environment, arguments.

Loaded by `core.app.options`; the values are handed to the engine and the connectors.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from core.config.faults import UNKNOWN, VALUE
from core.config.files import ConfigFile, read_file
from core.config.sections import ENGINE, NAMES
from core.model.addresses import is_loopback, parse_host_port
from core.model.errors import Invalid
from core.model.near_misses import did_you_mean
from core.model.paths import Paths
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from core.model.values import JsonObject, JsonValue

PREFIX = "TASKDECK_"
"""Every setting may come from the environment as this plus its name in capitals."""
MIB, GIB = 2**20, 2**30
_BOOLEANS = ("protected", "metrics_public")
TIME_LIMITS = ("default_timeout", "http_timeout")
"""Settings that may be `none`."""
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Read(StrEnum):
    """When a changed setting is read, and so takes effect."""

    ENGINE = "start of an engine"
    """One that runs keeps what it read: stop it and start it again."""
    RELOAD = "reload"
    """A running engine takes it with `taskdeck config reload` or SIGHUP."""
    COMMAND = "each command"


READ_BY_COMMANDS = frozenset({"lock_wait", "ssh", "remote_command"})
"""Settings that no engine reads."""


READ_AT_START = frozenset(
    {
        *("synchronous", "batch_cap", "aging_step", "log_bytes", "log_files"),
        *("metrics", "metrics_public"),
        *("http_connect_timeout", "http_read_timeout", "http_connections", "http_proxy"),
    }
)
"""Settings that an engine reads once; `core.engine.live_settings` has those that it takes later."""


def read_at(setting: str) -> Read:
    """Return when a setting is read."""
    if setting in READ_BY_COMMANDS:
        return Read.COMMAND
    return Read.ENGINE if setting in READ_AT_START else Read.RELOAD


class Settings(BaseSettings):
    """What an operator may set; lengths in seconds, sizes in bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    slots: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=10_000)
    """Attempts that may run at once; by default one per processor."""
    default_timeout: float | None = Field(None, gt=0, le=31_536_000)
    """Time limit of a task that names none; `none` or 0 = no limit."""
    stop_grace: float = Field(10, ge=0, le=86_400)
    """How long a stopping engine waits for what runs in its loop."""
    cancel_grace: float = Field(5, ge=0, le=86_400)
    """How long an attempt that was asked to stop may take before it is killed."""
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """FULL: an acknowledged command survives a power cut. NORMAL: it survives a crash of the engine."""
    batch_cap: int = Field(500, ge=1, le=5_000)
    """Commands that share one commit at most."""
    aging_step: int = Field(60_000, ge=1, le=86_400_000)
    """Milliseconds of waiting that weigh as much as one level of priority."""
    max_losses: int = Field(3, ge=1, le=1_000)
    """Lost attempts after which a task is given up: the poison rule."""
    max_bounces: int = Field(5, ge=1, le=1_000)
    """Failed hand-offs after which a task is given up."""
    manual_retries: int = Field(5, ge=0, le=1_000_000)
    """How often a task may be retried by hand; beyond that a retry needs `--force`."""
    output_cap: int = Field(64 * MIB, ge=4_096)
    """Bytes of output kept per attempt; of a task by `--output-limit`, `output_limit:`."""
    output_policy: Literal["drop_middle", "fail"] = "drop_middle"
    """What happens to an attempt whose output exceeds that; of a task by `--on-overflow`, `on_overflow:`."""
    output_quota: int = Field(10 * GIB, ge=MIB)
    """Bytes of output kept by the whole store; at this size nothing more is claimed."""
    artifact_cap: int = Field(GIB, ge=1_024)
    """Bytes of the artifacts of one attempt; a task that leaves more fails."""
    env_allow: Annotated[tuple[Name, ...], NoDecode] = ()
    """More variables of who submits that tasks get and are stored with them, beside the harmless ones."""
    http_timeout: float | None = Field(300, gt=0, le=86_400)
    """Total time of an http call that names none; `none` or 0 = no limit."""
    http_connect_timeout: float = Field(10, gt=0, le=3_600)
    """Time to reach a server."""
    http_read_timeout: float = Field(60, gt=0, le=86_400)
    """Time a server may stay silent."""
    http_body_cap: int = Field(64 * MIB, ge=1_024)
    """Bytes of a response body, decoded, that are kept; a longer one fails the call."""
    http_connections: int = Field(100, ge=1, le=10_000)
    """Connections of all http calls together."""
    http_proxy: str | None = None
    """Proxy of all http calls; variables such as HTTPS_PROXY are not followed."""
    protected: bool = False
    """In the console, changes are possible only after they were unlocked."""
    linger: float = Field(5, ge=0, le=86_400)
    """How long an engine that a command started waits, idle, for the next client before it ends."""
    lock_wait: float = Field(5, ge=0, le=3_600)
    """How long a command that lost the race for the lock waits for the winner to answer."""
    ssh: str = Field("ssh", min_length=1)
    """The command that reaches a --host, with options of your own: `ssh -F FILE`."""
    remote_command: str = Field("taskdeck", min_length=1)
    """How taskdeck is called on a --host, for the shell there: `~/deck/bin/taskdeck`."""
    metrics_public: bool = False
    """Whether `metrics` may be an address that other machines reach."""
    metrics: str | None = None
    """`HOST:PORT`, such as `127.0.0.1:9464`, at which an engine serves OpenMetrics; without it none does."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    log_bytes: int = Field(10 * MIB, ge=4_096)
    """Size at which a log file is rotated."""
    log_files: int = Field(5, ge=1, le=100)
    """Rotated log files that are kept."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override] # They come by name, as pydantic calls it.
        cls, *_: object, **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look at arguments, and at the environment if a setting is there: no other source has anything."""
        if _variables().keys().isdisjoint((PREFIX + name).lower() for name in cls.model_fields):
            return (sources["init_settings"],)
        return sources["init_settings"], sources["env_settings"]

    @field_validator("env_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        )

    @field_validator(*TIME_LIMITS, mode="before")
    @classmethod
    def _no_limit(cls, value: object) -> object:
        if isinstance(value, str) and value.strip().lower() == "none":
            return None
        try:
            return None if float(str(value)) == 0 else value
        except ValueError:
            return value

    @field_validator("metrics")
    @classmethod
    def _address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        try:
            address = parse_host_port(value)
        except ValueError as error:
            raise ValueError("must be HOST:PORT, such as 127.0.0.1:9464") from error
        if not is_loopback(address.host) and not info.data.get("metrics_public"):
            raise ValueError("must be an address of this machine alone, or set metrics_public = true")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, value: object, info: ValidationInfo) -> object:
        # Pydantic reads true as the number 1: `slots = true` would be one slot.
        if isinstance(value, bool) and info.field_name not in _BOOLEANS:
            raise ValueError("it takes neither true nor false")
        return value


def load(home: Path, **overrides: object) -> Settings:
    """Return the settings of a data directory: defaults < config.toml < TASKDECK_* < `overrides`.

    Overrides that are None count as absent. Raises `Invalid` (`config.syntax`, `config.unreadable`,
    `config.unknown`, `config.value`) that names file or variable, key, and near miss.
    """
    file = read_file(Paths(home=home).config)
    variables = _variables()
    table = {key: value for key, value in file.settings.items() if (PREFIX + key).lower() not in variables}
    arguments = {key: value for key, value in overrides.items() if value is not None}
    faults = _of_places(file)
    try:
        settings = Settings(**{**table, **arguments})  # type: ignore[arg-type]
    except ValidationError as error:
        found = error.errors()
        faults += [_describe(one, file=file.path, table=table, arguments=arguments) for one in found]
    else:
        if not faults:
            return settings
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise Invalid(
        faults[0]["code"],
        f"{faults[0]['message']}{more}",
        hint="fix the setting, then run 'taskdeck config check'",
        facts={"file": str(file.path), "faults": [dict(fault) for fault in faults]},
    )


def origins(home: Path, **overrides: object) -> dict[str, str]:
    """Return where the value of each setting comes from, with the precedence of `load`.

    `default`, the path of config.toml, the name of a variable, or `--flag`. Raises as `load` does.
    """
    file = Paths(home=home).config
    table, variables = read_file(file).settings, _variables()
    found = dict.fromkeys(Settings.model_fields, "default")
    for name in found:
        variable = PREFIX + name.upper()
        if overrides.get(name) is not None:
            found[name] = f"--{name.replace('_', '-')}"
        elif variable.lower() in variables:
            found[name] = variables[variable.lower()]
        elif name in table:
            found[name] = str(file)
    return found


def describe(home: Path, **overrides: object) -> JsonObject:
    """Return each setting with `value`, `origin`, `default` and when it is `read`; raise as `load` does."""
    found = origins(home, **overrides)
    values = load(home, **overrides).model_dump(mode="json")
    return {name: _entry(name, value, found[name]) for name, value in values.items()}


def _entry(name: str, value: JsonValue, origin: str) -> JsonObject:
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    plain: JsonValue = list(default) if isinstance(default, tuple) else default
    return {"value": value, "origin": origin, "default": plain, "read": read_at(name)}


def _variables() -> dict[str, str]:
    """Return the names of the variables that are not empty, by their lower case."""
    return {name.lower(): name for name, value in os.environ.items() if value}


def _of_places(file: ConfigFile) -> list[dict[str, str]]:
    """Return what is wrong with where the settings of a file stand."""
    reasons = dict.fromkeys(file.twice, f"stands at the top and in [{ENGINE}]: leave it in one of both")
    if file.has_faulty_engine:
        reasons[ENGINE] = f"must be a table, [{ENGINE}]"
    where = safe_line(str(file.path))
    return [
        {"code": VALUE, "message": f"{where}: `{name}`: {reason}", "path": name}
        for name, reason in reasons.items()
    ]


def _describe(
    detail: ErrorDetails, *, file: Path, table: Mapping[str, object], arguments: Mapping[str, object]
) -> dict[str, str]:
    """Return `code`, `message` and `path` of one fault; the message begins with where the value came from."""
    key = str(detail["loc"][0]) if detail["loc"] else ""
    origin = "argument" if key in arguments else str(file) if key in table else PREFIX + key.upper()
    subject = safe_line(f"{origin}: `{key[:64]}`")
    path = safe_line(key[:64])
    if detail["type"] == "extra_forbidden":
        near = did_you_mean(key, [*Settings.model_fields, *NAMES])
        return {"code": UNKNOWN, "message": f"{subject}: unknown setting{near}", "path": path}
    reason = detail["msg"].removeprefix("Value error, ")
    return {"code": VALUE, "message": f"{subject}: {reason[:1].lower()}{reason[1:]}", "path": path}
