"""What workers of pytest-xdist tell: nothing that nobody reads.

Of six messages about a test two are read where its dots are written: how it ended, and that the worker goes
on to the next. Each is packed, sent and unpacked by itself, which took half of the time of a small test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import pytest

_OF_PHASES = ("logstart", "logfinish")


class Worker(Protocol):
    """What is used of the worker's side of pytest-xdist."""

    sendevent: Callable[..., None]


def tell_what_is_read(config: pytest.Config) -> None:
    """Let this process, if it is a worker, keep to itself what no option asks for."""
    if config.option.verbose > 0 or config.option.durations is not None or config.option.xmlpath:
        return
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            worker = cast("Worker", plugin)
            worker.sendevent = only_what_is_read(worker.sendevent)


def only_what_is_read(send: Callable[..., None]) -> Callable[..., None]:
    """Return what sends a message, unless it says that something before or after a test went well."""

    def send_if_read(name: str, **told: Any) -> None:
        if name not in _OF_PHASES and not (name == "testreport" and _says_nothing(told["data"])):
            send(name, **told)

    return send_if_read


def _says_nothing(report: Mapping[str, Any]) -> bool:
    return report["when"] != "call" and report["outcome"] == "passed"
