"""The name and version of this program.

Used by the handshake, the doctor, the engine and the console.
"""

from __future__ import annotations

VERSION = "0.1.0"
"""The version of taskdeck; the only place that says it."""
