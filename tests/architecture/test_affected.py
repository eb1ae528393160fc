"""Hold what `make check` runs to what changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.affected import FEW, affected, changed_files
from tests.architecture.trees import write_tree

TREE = {
    "core/model/nouns.py": "",
    "core/rules/retry.py": "",
    "core/store/claim.py": "",
    "core/store/deep/rows.py": "",
    "core/cli/deep/past.py": "",
    "console/feed.py": "",
    "console/screens/jobs.py": "",
    "tests/architecture/test_sizes.py": "",
    "tests/rules/test_rules_retry.py": "from core.rules.retry import decide\n",
    "tests/engine/test_engine_retries.py": "import core.rules.retry\n",
    "tests/scenarios/test_scenario_retries.py": "import core.rules.retry\n",
    "tests/store/test_store_claims.py": "from tests.support.deck import Deck\n",
    "tests/store/conftest.py": "",
    "tests/cli/test_cli_lists.py": "",
    "tests/cli/test_cli_surroundings.py": "",
    "tests/support/deck.py": "from tests.support.base import Base\n",
    "tests/support/base.py": "",
    "tests/console/test_console_feed.py": "from console import feed\n",
    "tests/pages/test_pages_links.py": "",
    **{f"tests/model/test_model_{n}.py": "import core.model.nouns\n" for n in range(FEW)},
    "tests/model/test_model_nouns.py": "import core.model.nouns\n",
}


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("core/rules/retry.py", ["tests/engine/test_engine_retries.py", "tests/rules/test_rules_retry.py"]),
        ("core/store/claim.py", ["tests/store/test_store_claims.py"]),
        ("core/store/deep/rows.py", ["tests/store"]),
        ("core/cli/deep/past.py", ["tests/cli/test_cli_lists.py"]),
        ("core/model/nouns.py", ["tests/model/test_model_nouns.py"]),
        ("console/feed.py", ["tests/console/test_console_feed.py"]),
        ("console/screens/jobs.py", []),
        ("tests/support/base.py", ["tests/store/test_store_claims.py"]),
        ("tests/store/conftest.py", ["tests/store"]),
        ("tests/scenarios/test_scenario_retries.py", ["tests/scenarios/test_scenario_retries.py"]),
        ("tests/rules/test_rules_gone.py", []),
        ("docs/console.md", ["tests/pages"]),
    ],
)
def test_a_change_is_followed_to_its_tests(tmp_path: Path, changed: str, tests: list[str]) -> None:
    write_tree(tmp_path, TREE)
    assert affected([changed], tmp_path) == sorted(["tests/architecture", *tests])


def test_changed_is_what_differs_from_main_and_what_is_new(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        settings = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *settings, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main")
    for name in ("kept", "edited", "committed"):
        (tmp_path / name).write_text("before")
    git("add", ".")
    git("commit", "-m", "Begin")
    git("switch", "-c", "topic")
    (tmp_path / "committed").write_text("after")
    git("commit", "-am", "Change")
    (tmp_path / "edited").write_text("after")
    (tmp_path / "new").write_text("")
    assert changed_files(tmp_path) == ["committed", "edited", "new"]
