"""The package: pins without addresses, a wheel that works without the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.architecture.trees import write_tree

DATA = (
    "themes/*.toml",
    "core/app/systemd/*.service",
    "core/cli/*.json",
    "core/workflows/builtin/*",
    "core/store/migrations/**/*",
    "core/executors/pychild/*",
)
SHIPPED = ("core", "console", "themes")
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*")
# Spelled in halves, or this file would be the first to be found.
_ADDRESS = re.compile(
    "|".join(["index" + "-url", "find" + "-links", r"py" + r"pi\.org", r"://\S+/sim" + r"ple\b"])
)


def bad_pins(root: Path) -> list[str]:
    return [line for line in (root / "constraints.txt").read_text().splitlines() if not _PIN.fullmatch(line)]


def registry_addresses(root: Path) -> list[str]:
    tops = [path for path in root.iterdir() if path.is_file() or path.name in (*SHIPPED, "tests", ".ci")]
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file()]
    texts = [file for file in files if file.stat().st_size < 1_000_000 and "__pycache__" not in file.parts]
    return sorted(
        file.relative_to(root).as_posix()
        for file in texts
        if _ADDRESS.search(file.read_text(encoding="utf-8", errors="replace"))
    )


def files_missing_from(names: set[str], root: Path) -> list[str]:
    code = [*root.glob("_taskdeck.py"), *(file for room in SHIPPED for file in (root / room).rglob("*.py"))]
    data = [file for pattern in DATA for file in root.glob(pattern) if file.is_file()]
    wanted = {file.relative_to(root).as_posix() for file in [*code, *data] if "__pycache__" not in file.parts}
    return sorted(wanted - names)


def build_wheel(root: Path, target: Path) -> Path:
    # A copy, because a build leaves folders behind in the tree it builds.
    copy = target / "source"
    for room in SHIPPED:
        shutil.copytree(root / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_taskdeck.py", "pyproject.toml", "LICENSE", "README.md"):
        if (root / name).exists():
            shutil.copy(root / name, copy)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(copy))
    (wheel,) = target.glob("*.whl")
    return wheel


def install(wheel: Path, venv: Path) -> Path:
    """Install a wheel and what it declares that it needs, and nothing else; no registry is asked."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = str(venv / "bin" / "python")
    _pip("--python", python, "install", "--no-compile", "--no-deps", "--no-index", str(wheel))
    (packages,) = venv.glob("lib/python*/site-packages")
    (information,) = packages.glob("taskdeck-*.dist-info")
    for needed in _closure(PathDistribution(information)):
        tops = {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}
        for top in tops:
            if not (packages / top).exists():
                (packages / top).symlink_to(str(needed.locate_file(top)))
    return venv / "bin" / "taskdeck"


def _closure(distribution: Distribution) -> list[Distribution]:
    """Return what a distribution requires here, what that requires, and so on."""
    found: dict[tuple[str, str], Distribution] = {}
    ahead = [(distribution, "")]
    while ahead:
        one, extra = ahead.pop()
        for requirement in map(Requirement, one.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            for wanted in ("", *requirement.extras):
                if (key := (requirement.name, wanted)) not in found:
                    found[key] = Distribution.from_name(requirement.name)
                    ahead.append((found[key], wanted))
    return list(found.values())


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_wheel_works_in_an_empty_environment_far_from_the_checkout(
    checkout: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(checkout, tmp_path)
    assert files_missing_from(set(zipfile.ZipFile(wheel).namelist()), checkout) == []

    taskdeck = install(wheel, tmp_path / "venv")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TASKDECK"))}
    for arguments, expected in (
        (["version"], "taskdeck "),
        (["--help"], "version"),
        (["run", "sample", "--home", str(elsewhere)], "succeeded"),
    ):
        result = subprocess.run(
            [taskdeck, *arguments], cwd=elsewhere, env=bare, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert expected in result.stdout


def test_every_constraint_is_a_pin_and_no_file_names_a_registry(checkout: Path) -> None:
    assert bad_pins(checkout) == []
    assert registry_addresses(checkout) == []


def test_the_checks_see_a_bad_package(tmp_path: Path) -> None:
    write_tree(tmp_path, {"core/workflows/builtin/sample.yaml": "name: sample\n", "themes/night.toml": "\n"})
    address = "https://mirror.example/sim" + "ple"
    (tmp_path / "constraints.txt").write_text(
        f"--extra-index{'-url'} {address}\nhttpx>=0.28\nhttpcore==1.0.9\n"
    )
    (tmp_path / "Makefile").write_text(f"pip install -i {address} taskdeck\n")
    names = {"core/__init__.py", "core/workflows/__init__.py", "core/workflows/builtin/__init__.py"}
    assert len(bad_pins(tmp_path)) == 2
    assert registry_addresses(tmp_path) == ["Makefile", "constraints.txt"]
    assert files_missing_from(names, tmp_path) == [
        "core/workflows/builtin/sample.yaml",
        "themes/__init__.py",
        "themes/night.toml",
    ]
