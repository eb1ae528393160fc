"""artifacts: listed, copied to a folder, checked by doctor."""

from __future__ import annotations

from pathlib import Path

from tests.cli.cli_stage import Deck

DOCUMENT = (
    "name: making\ntasks: [{key: a, uses: shell, with: {script: 'mkdir -p out; echo one >out/x.pdf;"
    " echo two >out/y.pdf'}, artifacts: {report: out/*.pdf}}]\n"
)


def test_artifacts_are_listed_copied_and_looked_after(deck: Deck, tmp_path: Path) -> None:
    path = tmp_path / "making.yaml"
    path.write_text(DOCUMENT)
    assert deck("run", str(path)).status == 0
    first, second = deck("artifacts", "2", "--json").objects
    assert (first["artifact"], first["path"], first["size"]) == ("report", "out/x.pdf", 4)
    assert Path(first["file"]).read_text() == "one\n"
    assert deck("artifacts", "2").out.splitlines()[1].startswith("a  report  4 bytes  out/y.pdf  /")
    folder = tmp_path / "copied"
    assert deck("artifacts", "2", "--copy-to", str(folder)).status == 0
    assert (folder / "a/report/out/y.pdf").read_text() == "two\n"
    again = deck("artifacts", "2", "--copy-to", str(folder))
    assert (again.status, "is there already" in again.err) == (2, True)
    refused = deck("artifacts", "2", "--copy-to", "x", "--host", "me@box")
    assert (refused.status, "not with --host" in refused.err) == (2, True)
    assert deck("artifacts", "1").err == "job 1 has no artifacts\n"

    assert "artifact" not in deck("doctor").out
    Path(second["file"]).unlink()
    Path(first["file"]).chmod(0o600)
    Path(first["file"]).write_text("ONE\n")
    found = deck("doctor")
    assert found.status == 4
    assert "artifact-report-0.pdf has another content than when it was kept" in found.out
    assert "artifact-report-1.pdf is missing" in found.out
    assert "copies of artifacts that no task has any more: 1;" in found.out
