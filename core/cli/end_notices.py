"""--notify: the terminal tells that what was waited for has ended.

Used by `run` and `wait`.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, TypeAlias

from core.cli.output import draw, is_live, note
from core.cli.parameters import Option
from core.model.text import SafeText
from core.render.terminal_notices import BELL, desktop_notice

NotifyOption: TypeAlias = Annotated[
    bool, Option(help="Ring the bell and tell the desktop (OSC 9) when it has ended.")
]


def tell_terminal(sentence: SafeText) -> None:
    """Ring, and show a sentence on the desktop; say so where standard error goes elsewhere."""
    if is_live(sys.stderr):
        draw(f"{BELL}{desktop_notice(sentence, environ=os.environ)}")
    else:
        note("--notify rings no bell: standard error is not a terminal")
