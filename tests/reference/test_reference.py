"""Documents with all patterns end on an engine as in the reference."""

from __future__ import annotations

import pytest

from tests.reference.comparisons import compare
from tests.support.seeds import seeds

DOCUMENTS = 100


@pytest.mark.parametrize("part", seeds(4, soak=40))
async def test_random_documents_end_as_in_the_reference(part: int) -> None:
    assert await compare(range(part * DOCUMENTS, (part + 1) * DOCUMENTS)) == {}
