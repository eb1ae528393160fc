"""What `defaults` say of the inputs of tasks: `cwd` and `shell`.

Used by the expansion and the validation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from core.model.values import JsonObject, JsonValue

if TYPE_CHECKING:
    from core.workflows.definition import Defaults

SHARED = ("cwd", "shell")
"""Fields of `defaults` that are fields of inputs."""
_HASHBANG = "#!"


def shared_input(defaults: Defaults) -> JsonObject:
    """Return what the defaults say of inputs."""
    said: JsonObject = {"cwd": defaults.cwd, "shell": defaults.shell}
    return {name: value for name, value in said.items() if value is not None}


def with_shared(with_: JsonObject, shared: Mapping[str, JsonValue], *, fields: Collection[str]) -> JsonObject:
    """Return an input with what of the defaults it may have, has not and needs.

    A `shell` goes to scripts only, and not to those that name their program themselves.
    """
    added: JsonObject = {
        name: value
        for name, value in shared.items()
        if name in fields and name not in with_ and (name != "shell" or _wants_shell(with_))
    }
    return {**with_, **added} if added else with_


def _wants_shell(with_: JsonObject) -> bool:
    script = with_.get("script")
    return isinstance(script, str) and not script.startswith(_HASHBANG)
