"""What is shown of a group: its instances by status.

Made by the reports, shown by lists, pages and `why`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from core.model.status import TASK_FINAL, TaskStatus
from core.model.values import JsonObject


class GroupCounts(Struct, frozen=True, kw_only=True):
    """The current set of a group."""

    number: int
    """Which set of the group it is, from 1."""
    total: int
    made: int
    """Instances that have a row; the others are being made."""
    needed: int | None
    """Successes that decide; None = all, without a threshold."""
    parallel: int | None
    """Instances that may have begun and not ended; None = all."""
    by_status: Mapping[str, int]
    job: int = 0
    key: str = ""
    """Of its task, by which its instances are found; those of older sets have it as well."""

    @property
    def ended(self) -> int:
        """How many instances have ended."""
        return sum(self.by_status.get(status, 0) for status in TASK_FINAL)

    @property
    def failed(self) -> int:
        """How many instances failed."""
        return self.by_status.get(TaskStatus.FAILED, 0)

    @property
    def short(self) -> str:
        """Return how many ended, of how many, and how many failed: `812/1,000 x3`."""
        return f"{self.ended:,}/{self.total:,}" + (f" x{self.failed:,}" if self.failed else "")

    @property
    def told(self) -> str:
        """Return the numbers by status in words: `3 failed, 809 succeeded`."""
        return ", ".join(f"{n:,} {status}" for status, n in sorted(self.by_status.items()) if n) or "none yet"

    @property
    def listed(self) -> str:
        """Return the command that lists its instances, and which others that lists besides."""
        older = self.number - 1
        sets = "an older set" if older == 1 else f"{older:,} older sets"
        besides = f", and those of {sets}" if older else ""
        return f"'taskdeck tasks --where \"job:{self.job} group:{self.key}\"' lists them{besides}"

    def to_json(self) -> JsonObject:
        """Return it as `--json` has it."""
        return {
            "set": self.number,
            "total": self.total,
            "made": self.made,
            "needed": self.needed,
            "max_parallel": self.parallel,
            "tasks": dict(self.by_status),
        }

    @classmethod
    def from_json(cls, stored: JsonObject) -> GroupCounts:
        """Read what the store gives out for a group."""
        by, key = stored.get("by"), stored.get("key")
        numbers = {name: value for name, value in stored.items() if isinstance(value, int)}
        return cls(
            number=numbers.get("number", 1),
            total=numbers.get("total", 0),
            made=numbers.get("made", 0),
            needed=numbers.get("needed"),
            parallel=numbers.get("parallel"),
            by_status={k: v for k, v in by.items() if isinstance(v, int)} if isinstance(by, dict) else {},
            job=numbers.get("job", 0),
            key=key if isinstance(key, str) else "",
        )
