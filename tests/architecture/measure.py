"""Print the figures of the code: sizes, depth, tuples, late imports, words.

python -m tests.architecture.measure [ROOT]
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles

from tests.architecture.test_plain_words import refused_words
from tests.architecture.trees import Source, imported, sources

SMALL_LINES = 70


def lines_of_files(found: Sequence[Source]) -> str:
    counts = sorted(source.text.count("\n") for source in found)
    high = quantiles(counts, n=10)[8]
    return f"{median(counts):g} median, {high:g} p90, {counts[-1]} max, {len(counts)} files"


def depth_of_classes(found: Sequence[Source]) -> dict[str, int]:
    """Return how many classes of ours each class stands on, itself included, by its name."""
    bases: dict[str, list[str]] = {}
    for source in found:
        for node in source.nodes:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [_plain_name(base) for base in node.bases]

    def depth(name: str) -> int:
        return 1 + max((depth(base) for base in bases[name] if base in bases and base != name), default=0)

    return {name: depth(name) for name in bases}


def tuples_in_signatures(found: Sequence[Source]) -> list[str]:
    """Return the functions with a parameter or result that is a tuple of fixed places."""
    return [
        f"{source.path}:{function.lineno} {function.name}"
        for source in found
        for function in source.functions()
        if any(_is_bare_tuple(note) for note in _annotations(function))
    ]


def imports_in_functions(found: Sequence[Source]) -> list[str]:
    return [
        f"{source.path}:{line} {module}"
        for source in found
        for line, module in sorted({place for node in source.functions() for place in imported(node)})
    ]


def switches(found: Sequence[Source]) -> list[str]:
    """Return the parameters that are annotated `bool`, outside of the command line's options."""
    return [
        f"{source.path}:{function.lineno} {function.name} {argument.arg}"
        for source in found
        if not source.path.startswith("core/cli/")
        for function in source.functions()
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation is not None and ast.unparse(argument.annotation) == "bool"
    ]


def small_rooms(found: Sequence[Source]) -> list[str]:
    """Return files below 70 lines that one other file alone imports."""
    importers: defaultdict[str, set[str]] = defaultdict(set)
    names = {_module(source.path): source for source in found}
    for source in found:
        for node in source.nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                for target in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    importers[target].add(source.path)
    return [
        source.path
        for module, source in names.items()
        if source.text.count("\n") < SMALL_LINES
        and not source.path.endswith("__init__.py")
        and len(importers[module]) == 1
    ]


def main() -> None:
    """Print one line a figure."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = sources(root, "core", "console")
    depths = depth_of_classes(found)
    late = imports_in_functions(found)
    print("lines a file:", lines_of_files(found))
    print("classes deeper than three of ours:", sorted(name for name, depth in depths.items() if depth > 3))
    print("depth of our inheritance, classes at each:", dict(sorted(Counter(depths.values()).items())))
    print("functions with bare tuples in their signatures:", len(tuples_in_signatures(found)))
    print("parameters of type bool:", len(switches(found)))
    print("imports inside functions:", len(late), dict(Counter(place.split(":")[0] for place in late)))
    print(f"files with one importer under {SMALL_LINES} lines:", len(small_rooms(found)))
    print("refused words:", len(refused_words(root)))
    print("README lines:", (root / "README.md").read_text(encoding="utf-8").count("\n"))


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _plain_name(base: ast.expr) -> str:
    return ast.unparse(base).partition("[")[0].rpartition(".")[2]


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    yield from (argument.annotation for argument in arguments if argument.annotation is not None)
    if function.returns is not None:
        yield function.returns


def _is_bare_tuple(note: ast.expr) -> bool:
    for node in ast.walk(note):
        if isinstance(node, ast.Name) and node.id == "tuple" and not _is_subscripted(note, node):
            return True
        if isinstance(node, ast.Subscript) and _plain_name(node.value) == "tuple":
            places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if not (len(places) == 2 and ast.unparse(places[1]) == "..."):
                return True
    return False


def _is_subscripted(note: ast.expr, name: ast.Name) -> bool:
    return any(isinstance(node, ast.Subscript) and node.value is name for node in ast.walk(note))


if __name__ == "__main__":
    main()
