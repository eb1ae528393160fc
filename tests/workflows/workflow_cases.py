"""Support for workflow tests: a few real connectors, and checking a text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from core.config import load as load_settings
from core.connectors.delay import Delay
from core.connectors.http import Http
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.model.codes import ErrorCodes
from core.model.errors import Fault
from core.model.ports import InputFault
from core.model.values import JsonObject
from core.workflows.loader import load
from core.workflows.validation import Report, check


class SomeConnectors:
    """`delay` wants a number of seconds, `shell` argv or script without expressions; `http` takes all."""

    def may_repeat(self, uses: str, with_: JsonObject) -> bool:
        return True

    def waits(self, uses: str) -> bool:
        return False

    def has_output(self, uses: str) -> bool:
        return uses == "shell"

    def names(self) -> Sequence[str]:
        return ("delay", "http", "shell")

    def check(self, uses: str, with_: JsonObject) -> Sequence[InputFault]:
        if uses == "delay":
            seconds = with_.get("seconds")
            computed = isinstance(seconds, str) and "${{" in seconds
            if not computed and not isinstance(seconds, int | float):
                return [
                    InputFault(code="delay.seconds", message="`seconds` must be a number", path=("seconds",))
                ]
        if uses == "shell" and "argv" not in with_ and "script" not in with_:
            return [InputFault(code="shell.input", message="give `argv` or `script`")]
        if uses == "shell" and "${{" in str(with_.get("script", "")):
            return [InputFault(code="shell.script", message="use `env`", path=("script",))]
        return []

    def codes(self, uses: str) -> ErrorCodes | None:
        return Registry([Delay(), Shell(), Http(SETTINGS)]).codes(uses)

    def fields(self, uses: str) -> Collection[str]:
        return ("cwd", "shell", "script") if uses == "shell" else ()

    def texts(self, uses: str) -> Sequence[Sequence[str]]:
        return Shell.texts if uses == "shell" else ()

    def secrets(self, uses: str) -> Sequence[Sequence[str]] | None:
        return Shell.secrets if uses == "shell" else None

    def keep(self, uses: str, with_: JsonObject) -> JsonObject:
        return with_


SETTINGS = load_settings(Path("/nonexistent"))
CONNECTORS = SomeConnectors()


def report(text: str) -> Report:
    loaded = load(text)
    return check(loaded.value, loaded.positions, CONNECTORS)


def faults(text: str) -> list[Fault]:
    return list(report(text).faults)


def brief(text: str) -> list[tuple[str, int | None, int | None]]:
    return [(fault.code, fault.line, fault.column) for fault in faults(text)]
