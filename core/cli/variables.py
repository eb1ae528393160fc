"""Environment variables named on a command line.

Used by the commands that submit work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.cli.refusals import usage
from core.model.values import JsonObject


def read_variables(pairs: Sequence[str]) -> JsonObject:
    """Return the variables of `NAME` (its value here) and `NAME=VALUE`; refuse one that is not set."""
    found: JsonObject = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name:
            raise usage(f"--env {pair}: this names no variable", hint="write --env NAME or --env NAME=VALUE")
        if name in found:
            raise usage(f"--env {name} is given twice", hint="give each variable once")
        if not equals and name not in os.environ:
            raise usage(
                f"--env {name}: this environment variable is not set",
                hint="export it, or write --env NAME=VALUE",
            )
        found[name] = value if equals else os.environ[name]
    return found
