"""Print the first lines of random files, for a reading test.

python -m tests.architecture.first_lines [SEED]

A reader should say of each what it is, who calls it and what it may import.
"""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path

from tests.architecture.trees import sources

SEED = 20261128
NUMBER = 20


def sampled(root: Path, *, seed: int, number: int) -> list[tuple[str, str]]:
    """Return paths of core and console, and the docstrings of these modules."""
    found = sources(root, "core", "console")
    docs = {source.path: ast.get_docstring(source.tree) or "" for source in found}
    return [(path, docs[path]) for path in random.Random(seed).sample(sorted(docs), number)]


def main() -> None:
    """Print path and first lines of each."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else SEED
    for path, doc in sampled(Path.cwd(), seed=seed, number=NUMBER):
        print(f"{path}\n{doc}\n")


if __name__ == "__main__":
    main()
