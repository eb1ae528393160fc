"""Scenes: which screens are captured, and the keys that lead there from a place."""

from __future__ import annotations

from dataclasses import dataclass

from console.places import ROOTS
from tests.shots.seed import CLEANING, ETL

SIZES = ((80, 24), (120, 40))
"""Columns and rows of the captures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A place with its subject, then keys."""

    name: str
    place: str
    subject: int | None = None
    keys: tuple[str, ...] = ()


SCENES = (
    *(Scene(name=root, place=root) for root in ROOTS),
    Scene(name="job", place="job", subject=ETL),
    Scene(name="graph", place="graph", subject=ETL, keys=("right", "j", "right")),
    Scene(name="task", place="task", subject=CLEANING),
    Scene(name="log", place="log", subject=CLEANING),
    Scene(name="inspector", place="tasks", keys=("j", "i")),
    Scene(name="help", place="tasks", keys=("question_mark",)),
    Scene(name="confirm", place="jobs", keys=("x",)),
    *(
        Scene(
            name=f"graph in {theme}",
            place="graph",
            subject=ETL,
            keys=("right", "j", "right", *["ctrl+t"] * steps),
        )
        for steps, theme in enumerate(("high-contrast", "light", "ansi"), 1)
    ),
)
"""Every capture; the screens of `ROOTS` come by themselves."""
