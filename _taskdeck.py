"""Entry of the `taskdeck` program, which finds its own packages first.

Called by the installed script; the engines that it starts run this file by its path.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

# The packages have names that others have too; this module has a name that no other has, and loads
# none of them before their places are settled.

ROOT = os.path.dirname(os.path.abspath(__file__))
OWN = ("core", "console", "themes")


class OwnPackages:
    """A finder that knows where our packages are, whatever `sys.path` says."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of one of our packages; None for everything else."""
        del path, target
        return PathFinder.find_spec(name, [ROOT]) if name in OWN else None


def own_packages_first() -> None:
    """Let no folder named by PYTHONPATH, nor the working directory, stand before what taskdeck needs.

    They are searched last: connectors of the user are still found there.
    """
    sys.meta_path.insert(0, OwnPackages)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OWN and not _is_below_root(getattr(module, "__file__", None)):
            del sys.modules[name]
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    ahead = {_absolute(entry) for entry in named} | ({sys.path[0]} - {ROOT} if _has_folder() else set())
    last = [entry for entry in sys.path if entry in ahead and entry != ROOT]
    sys.path[:] = [entry for entry in sys.path if entry not in last] + last


def _has_folder() -> bool:
    """Return whether `sys.path` begins with the folder of the script, or the working directory."""
    return not sys.flags.safe_path and not sys.flags.isolated and bool(sys.path)


def _is_below_root(file: str | None) -> bool:
    return file is not None and _absolute(file).startswith(ROOT + os.sep)


def _absolute(path: str) -> str:
    # Without a working directory, which may have been removed, `sys.path` has it as it was named.
    try:
        return os.path.abspath(path)
    except OSError:
        return path


def main() -> int:
    """Run the command line of this process and return its exit status."""
    # What a start imports is there to stay; `core.app.collector` says when to look for garbage again.
    gc.disable()
    own_packages_first()
    # Not above: until now these could have been other packages of that name.
    if asked := os.environ.get("_TASKDECK_COMPLETE"):
        from core.cli.completion import complete

        return complete(asked, os.environ)
    from console.launch import main as launch

    return launch()


if __name__ == "__main__":
    sys.exit(main())
