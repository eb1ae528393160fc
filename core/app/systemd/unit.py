"""The text of the systemd user unit of an engine.

Called by the command `serve --unit`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from core.app.engine_process import program
from core.app.ownership import MARGIN_SECONDS
from core.config import Settings
from core.files.kinds import is_file
from core.model.errors import Invalid
from core.model.text import safe_line

TEMPLATE = "taskdeck.service"
_PLAIN = re.compile(r"[A-Za-z0-9_./:-]+")


def user_unit(home: Path, settings: Settings, *, flags: Sequence[str] = ()) -> str:
    """Return the text of a unit that serves a home; raise `Invalid` (`unit.path`)."""
    command = [*_program(), "serve", "--home", str(home), *flags]
    values = {
        "@HOME@": _escape(str(home)),
        "@COMMAND@": " ".join(_quote(argument) for argument in command),
        "@PATIENCE@": str(math.ceil(settings.stop_grace + MARGIN_SECONDS)),
    }
    text = files("core.app.systemd").joinpath(TEMPLATE).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _program() -> list[str]:
    script = Path(sys.executable).parent / "taskdeck"
    return [str(script)] if is_file(script) else program()


def _quote(argument: str) -> str:
    # systemd reads quotes and backslashes as C does, $ as a variable and % as a specifier.
    text = _escape(argument).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _escape(text: str) -> str:
    if safe_line(text) != text:
        raise Invalid(
            "unit.path",
            f"a unit cannot hold the path {safe_line(text)}",
            hint="choose another --home",
            facts={"path": text},
        )
    return text.replace("%", "%%")
