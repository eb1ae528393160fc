"""Know: what the connectors of this home take and give, without an engine."""

from __future__ import annotations

from collections.abc import Sequence

from core.app.options import Options
from core.connectors.registry import build
from core.model.ports import Checks, Connector


def checks(options: Options, connectors: Sequence[Connector] = ()) -> Checks:
    """Return the schemas of all connectors that these options know."""
    return build(options.settings(), connectors=connectors, references=options.connectors)
