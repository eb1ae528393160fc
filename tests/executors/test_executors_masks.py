"""The collector of long outputs with secrets loads what searches faster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.model import masking
from core.model.masking import forms
from core.model.ports import AttemptRef
from tests.executors.written import written

SECRET = "abcdefgh"
NOISE = "hgfedcba"


@pytest.mark.parametrize(("size", "is_loaded"), [(1_000, False), (4 * masking._SEARCHED, True)])
async def test_a_long_output_is_masked_with_what_is_not_of_the_standard_library(
    executor: ChildExecutor, outputs: Outputs, ref: AttemptRef, sh, size: int, *, is_loaded: bool
) -> None:
    command = f"yes {NOISE} | head -c {size}; echo; echo x{SECRET}x"
    executor.start(ref, replace(sh(command), masks=forms([SECRET])))
    await executor.wait(ref)
    assert written(outputs, ref).splitlines()[-1] == "x[redacted]x"
    maps = Path(f"/proc/{executor.collector.pid}/maps").read_text()
    assert ("ahocorasick_rs" in maps) is is_loaded
