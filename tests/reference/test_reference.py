"""Documents with all patterns end on an engine as in the reference."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.reference.documents import make
from tests.reference.patterns import every_pattern, patterns_of
from tests.reference.runs import compare
from tests.support.seeds import seeds

DOCUMENTS = 130
PARTS = 2


@pytest.mark.parametrize("part", seeds(PARTS, soak=40))
async def test_random_documents_end_as_in_the_reference(part: int) -> None:
    numbers = range(part * DOCUMENTS, (part + 1) * DOCUMENTS)
    assert await compare({f"s{number}": make(number) for number in numbers}) == {}


def test_all_patterns_occur_in_these_documents() -> None:
    count = Counter(name for number in range(PARTS * DOCUMENTS) for name in patterns_of(make(number)))
    assert {name for name in every_pattern() if count[name] < 3} == set()
