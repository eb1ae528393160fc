"""Time zones by their IANA names.

Used by the windows of limits and by the configuration.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from core.model.errors import Invalid
from core.model.near_misses import near_misses, suggestion
from core.model.text import safe_line

_SHOWN = 60


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of a name, of this machine or of the package tzdata.

    Raises `Invalid` (`zone.unknown`) with the closest known name.
    """
    try:
        return ZoneInfo(name)
    # A folder of zones is an OSError, a path out of them a ValueError.
    except (KeyError, ValueError, OSError) as error:
        shown = safe_line(name[:_SHOWN])
        raise Invalid(
            "zone.unknown",
            f"`{shown}` is not a time zone{suggestion(_near(name))}",
            hint="give an IANA name, such as Europe/Berlin, or UTC",
            facts={"zone": shown},
        ) from error


def _near(name: str) -> list[str]:
    known = sorted(available_timezones())
    typed = name.lower()
    cities = [zone for zone in known if zone.rpartition("/")[2].lower() == typed]
    return cities[:1] or near_misses(name, [zone for zone in known if zone[:1].lower() == typed[:1]])
