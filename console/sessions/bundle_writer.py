"""Write a bundle that the console is asked for.

Handed to the screens by `screen`.
"""

from __future__ import annotations

from console.exports.bundle_order import BundleOrder
from core.app.bundles.file import open_bundle_file
from core.app.bundles.writing import Wanted, write_bundle
from core.model.text import SafeText, safe_line
from core.render.sizes import size_text


async def write_ordered(order: BundleOrder) -> SafeText:
    """Write the bundle, through the engine here or on a host, into a file on this machine."""
    file = open_bundle_file(order.path, force=order.replaces)
    try:
        with file.refusing():
            file.open()
            written = await write_bundle(order.control, Wanted(jobs=order.jobs, tell=order.tell), file)
            file.keep()
    finally:
        file.discard()
    jobs = ", ".join(map(str, order.jobs))
    return safe_line(
        f"job {jobs} is in {order.path}, {size_text(written.size).strip()}, without environment and headers;"
        f" open it: taskdeck --bundle {order.path.name}"
    )
