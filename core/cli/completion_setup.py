"""Options that show the completion of a shell, or install it.

Used by `commands`; the scripts ask `completion`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from core.cli.completion_scripts import SCRIPTS
from core.cli.output import note, put
from core.cli.refusals import usage
from core.files.kinds import exists
from core.files.writing import write_file
from core.model.errors import Unavailable
from core.model.text import safe_line

_ZSH_LINES = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"


def completion_options() -> Iterator[click.Option]:
    """Yield `--install-completion` and `--show-completion`, each with the name of a shell or without."""
    yield _option("--install-completion", _install, "Add completion to the settings of the shell.")
    yield _option("--show-completion", _show, "Print the completion script of the shell.")


def _option(flag: str, act: Callable[[str], None], told: str) -> click.Option:
    def answer(context: click.Context, option: click.Parameter, shell: str | None) -> None:
        del option
        if shell is not None and not context.resilient_parsing:
            act(_known(shell))
            context.exit()

    return click.Option(
        [flag],
        is_flag=False,
        flag_value="",
        expose_value=False,
        is_eager=True,
        callback=answer,
        metavar="[SHELL]",
        help=f"{told} [default: that of $SHELL]",
    )


def _known(shell: str) -> str:
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        known = ", ".join(SCRIPTS)
        raise usage(f"completion does not know the shell {name!r}", hint=f"name one: {known}")
    return name


def _show(shell: str) -> None:
    put(SCRIPTS[shell])


def _install(shell: str) -> None:
    try:
        _add_to(shell, Path.home())
    except OSError as error:
        raise Unavailable(
            "completion.unwritable",
            f"the settings of {shell} cannot be written: {error.strerror} ({safe_line(str(error.filename))})",
            hint=f"put the output of 'taskdeck --show-completion {shell}' where {shell} reads it",
            facts={"shell": shell, "file": safe_line(str(error.filename))},
        ) from error
    note("completion works in shells that are started from now on")


def _add_to(shell: str, home: Path) -> None:
    match shell:
        case "bash":
            script = _written(home / ".bash_completions/taskdeck.sh", SCRIPTS[shell])
            _ensure_line(home / ".bashrc", f"source '{script}'")
        case "zsh":
            _written(home / ".zfunc/_taskdeck", SCRIPTS[shell])
            _ensure_line(home / ".zshrc", _ZSH_LINES)
        case _:
            _written(home / ".config/fish/completions/taskdeck.fish", SCRIPTS[shell])


def _written(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, script.encode(), mode=0o644)
    note(f"wrote {path}")
    return path


def _ensure_line(settings: Path, line: str) -> None:
    """Append a line to the settings of a shell, unless it stands there."""
    text = settings.read_text(errors="surrogateescape") if exists(settings) else ""
    if line in text.splitlines():
        return
    with settings.open("a") as stream:
        stream.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n")
    note(f"added to {settings}: {line}")
