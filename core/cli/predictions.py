"""Dry runs of jobs, and parameters on a command line.

Used by `run` and `graph`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.cli.arguments import Common
from core.cli.output import emit, say
from core.cli.reading import reading
from core.cli.refusals import usage
from core.control.api import Document, SubmitOptions
from core.model.values import JsonObject, JsonValue
from core.render.prediction_texts import prediction_lines, prediction_shape


async def dry_run(
    document: Document, params: Mapping[str, JsonValue], *, options: SubmitOptions, arguments: Common
) -> int:
    """Say what a job would do, as the engine that runs or the store tells it."""
    async with reading(arguments) as deck:
        view = await deck.predict(document, params, options=options)
    if arguments.json:
        emit({"dry_run": True, **prediction_shape(view)})
        return 0
    for line in prediction_lines(view):
        say(line)
    say("nothing was submitted")
    return 0


def read_params(pairs: Sequence[str]) -> JsonObject:
    """Read `K=V` pairs as parameters of a workflow; raise `Invalid` (`usage`)."""
    params: dict[str, JsonValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise usage(f"-p {pair}: this is not K=V", hint="write -p date=2026-01-31")
        if name in params:
            raise usage(f"-p {name} is given twice", hint="give each parameter once")
        params[name] = value
    return params
