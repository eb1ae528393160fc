"""Commands that list, check and use secrets show none of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.cli.cli_stage import Deck

VALUE = "a-value-that-is-kept"
FLOW = """name: w
tasks:
  - key: a
    uses: shell
    with: {script: 'echo "got $A"', env: {A: "${{ secrets.%s }}"}}
"""


def test_secrets_are_listed_checked_used_and_never_shown(home: Path, deck: Deck, tmp_path: Path) -> None:
    home.mkdir(mode=0o700, parents=True)
    kept = tmp_path / "one"
    kept.write_text(f"{VALUE}\n")
    kept.chmod(0o600)
    tables = f'[secrets.one]\nfile = "{kept}"\n[secrets.two]\nenv = "NOT_THERE_AT_ALL"\n'
    (home / "config.toml").write_text(tables)
    (tmp_path / "good.yaml").write_text(FLOW % "one")
    (tmp_path / "bad.yaml").write_text(FLOW % "onee")
    listed = deck("secrets", "--json").objects
    assert listed == [
        {"name": "one", "source": "file", "place": str(kept)},
        {"name": "two", "source": "env", "place": "NOT_THERE_AT_ALL"},
    ]
    checked = deck("secrets", "check")
    assert checked.status == 1
    assert "secrets.one  can be read\n" in checked.out
    assert "secrets.two  [secret.unreadable]" in checked.out
    warned = deck("check", str(tmp_path / "bad.yaml"))
    assert (warned.status, "`secrets.onee` is not in" in warned.err) == (0, True)
    assert "warning" not in deck("check", str(tmp_path / "good.yaml")).err
    assert deck("run", str(tmp_path / "good.yaml")).status == 0
    said = [deck("show", "2", "--json"), deck("logs", "2/a"), deck("config", "show", "--json"), checked]
    assert "got [redacted]" in said[1].out
    bundle = tmp_path / "bundle.zip"
    assert deck("bundle", "2", "-o", str(bundle)).status == 0
    assert all(VALUE not in one.out + one.err for one in said)
    with zipfile.ZipFile(bundle) as parts:
        assert all(VALUE.encode() not in parts.read(name) for name in parts.namelist())
