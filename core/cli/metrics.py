"""metrics: print once what the endpoint serves.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from core.app.metrics.exposition import exposition
from core.app.metrics.reading import read_facts
from core.cli.access import running
from core.cli.arguments import Remote
from core.cli.commands import Command
from core.cli.output import say
from core.cli.reading import reading


async def metrics(arguments: Remote) -> int:
    """Print the metrics of a deck once, as OpenMetrics: tasks, pools, budgets, backends, engine, machine.

    The same that `metrics = "127.0.0.1:9464"` in config.toml serves at /metrics while an engine runs. Without
    an engine what the store and this machine tell. On a host it needs an engine that runs there.
    """
    lent = reading(arguments) if arguments.host is None else running(arguments)
    async with lent as deck:
        text = exposition(await read_facts(deck))
    say(text.decode().rstrip("\n"))
    return 0


COMMANDS = (
    Command(
        name="metrics",
        arguments=Remote,
        run=metrics,
        examples=("taskdeck metrics", "taskdeck metrics | grep taskdeck_tasks"),
    ),
)
