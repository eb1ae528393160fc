"""Surroundings: what a task takes over from where it was asked for.

Captured at submit by the control, stored by admission, handed to children by the engine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct, field

from core.model.values import JsonObject

ALWAYS = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR"})
"""Variables that tasks get whatever `env_allow` says; with them all whose names begin with `LC_`."""
OF_TASKS = (
    "TASKDECK_ATTEMPT",
    "TASKDECK_TASK",
    "TASKDECK_EPOCH",
    "TASKDECK_JOB",
    "TASKDECK_KEY",
    "TASKDECK_IDEMPOTENCY_KEY",
    "TASKDECK_DIR",
    "TASKDECK_USAGE",
)
"""Variables that tell a task which one it is; an engine that it starts is not part of it."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """The environment and the umask of the process that asks for work."""

    env: Mapping[str, str] = field(default_factory=dict)
    umask: int | None = None
    """None = the engine's own."""

    def allowed(self, names: Collection[str]) -> Surroundings:
        """Return what tasks may get of it: `ALWAYS`, `LC_*` and these names."""
        kept = {name: text for name, text in self.env.items() if _is_harmless(name) or name in names}
        return Surroundings(env=kept, umask=self.umask)

    def with_variables(self, variables: JsonObject) -> Surroundings:
        """Return it with more variables, or others in the place of its own."""
        if not variables:
            return self
        more = {name: str(text) for name, text in variables.items()}
        return Surroundings(env={**self.env, **more}, umask=self.umask)

    def to_json(self) -> JsonObject:
        """Return the stored form; the same surroundings have the same."""
        return {"env": dict(sorted(self.env.items())), "umask": self.umask}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Surroundings:
        """Read the stored form."""
        env, umask = stored.get("env"), stored.get("umask")
        return cls(
            env={name: str(text) for name, text in env.items()} if isinstance(env, dict) else {},
            umask=umask if isinstance(umask, int) else None,
        )


def _is_harmless(name: str) -> bool:
    return name in ALWAYS or name.startswith("LC_")
