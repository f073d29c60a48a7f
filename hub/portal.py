"""The portal's process, as `hub up` starts it: `python -m hub.portal PORT DAGSTER_PORT`.

The portal itself knows no pipelines: publishing and runs are handed to it here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from warehouse.home import Home

if TYPE_CHECKING:
    from connectors.spec import Connector


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
        reload=lambda: threading.Thread(target=_reload, args=(here,), daemon=True, name="reload").start(),
        replay=lambda name, batches: _replay(here, name, batches),
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

    _run(here, [c for c in registry(here).connectors.values() if c.id in set(ids)])


def _replay(here: Home, name: str, batches: Collection[int]) -> None:
    """Read landed batches again, beside the pages."""
    from hub.setup import registry

    _run(here, [registry(here).get(name)], from_landing=True, batches=set(batches))


def _run(here: Home, connectors: list[Connector], **options: Any) -> None:
    """The same run as everywhere, the judgement of whole deliveries included."""
    from pipelines.run import run
    from quality.expectations import judge

    threading.Thread(
        target=run, args=(connectors, here), kwargs={"judge": judge, **options}, daemon=True, name="collect"
    ).start()


def _reload(here: Home) -> None:
    """Have a running Dagster read the registry again; where there is none, nothing happens."""
    from pipelines.serve import reload

    reload(here)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
