"""The portal's process, as `hub up` starts it: `python -m hub.portal PORT DAGSTER_PORT`.

The portal itself knows no pipelines: publishing and runs are handed to it here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection

from warehouse.home import Home


def main(port: int, dagster_port: int) -> None:
    """Serve until told to stop."""
    import uvicorn

    from hub.setup import home
    from portal.app import create
    from portal.catalogue import warm
    from portal.site import Site
    from portal.watch import forever

    here = home()
    threading.Thread(target=warm, daemon=True, name="lineage").start()
    site = Site(
        here,
        dagster_port=dagster_port,
        settle=lambda changed: _settle(here, changed),
        collect=lambda ids: _collect(here, ids),
    )
    if not site.address:
        site.address = f"http://127.0.0.1:{port}"
    threading.Thread(target=forever, args=(site, threading.Event()), daemon=True, name="notices").start()
    # Pages that listen for live counts would keep a server that waits for them from ending.
    uvicorn.run(
        create(site), host="127.0.0.1", port=port, log_level="warning", server_header=False, timeout_graceful_shutdown=3
    )


def _settle(here: Home, changed: set[str]) -> object:
    from pipelines.run import settle

    return settle(here, changed)


def _collect(here: Home, ids: Collection[str]) -> None:
    """Collect these connectors now, beside the pages; what comes of it is in the batches."""
    from hub.setup import registry
    from pipelines.run import run

    wanted = [c for c in registry(here).connectors.values() if c.id in set(ids)]
    threading.Thread(target=run, args=(wanted, here), daemon=True, name="collect").start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
