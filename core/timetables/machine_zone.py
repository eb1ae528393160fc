"""The name of the time zone of this machine.

Used by commands, imports and the form of a schedule.
"""

from __future__ import annotations

from tzlocal import get_localzone_name

from core.model.errors import Invalid
from core.model.timing.zones import zone_of


def machine_zone() -> str:
    """Return the time zone of this machine; raise `Invalid` (`zone.unknown`) where it has none of a name."""
    try:
        return zone_of(get_localzone_name() or "UTC").key
    except (KeyError, ValueError, OSError) as error:
        raise Invalid(
            "zone.unknown",
            "the time zone of this machine has no name",
            hint="say which: --zone Europe/Berlin",
        ) from error
