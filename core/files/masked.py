"""Take secrets out of a file that a program wrote.

Used by the connector `python` for the result of a call.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from core.files.untrusted import open_regular
from core.files.writing import NewFile
from core.model.masking import Masker

_PIECE = 1_048_576


def hide_secrets(path: Path, masks: Sequence[bytes]) -> None:
    """Put the file with masks for each form of a secret in its own place; raise `OSError` where it cannot."""
    fresh, masker = NewFile(path), Masker(masks)
    descriptor = open_regular(path)
    try:
        fresh.open()
        while piece := os.read(descriptor, _PIECE):
            fresh.write(masker.feed(piece))
        fresh.write(masker.flush())
        fresh.replace()
    finally:
        os.close(descriptor)
        fresh.discard()
