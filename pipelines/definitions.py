"""The code location Dagster loads: every connector, dataset and view that has a file, and none of their errors.

dagster definitions validate -m pipelines.definitions
"""

from collections.abc import Mapping

import dagster as dg

from connectors.spec import Registry
from pipelines.assets import connector_asset, settled, view_key
from pipelines.checks import broken
from pipelines.resources import Hub
from pipelines.schedules import schedules
from pipelines.sensors import automation, file_drops
from schemas.contract import Contract, contracts
from views.catalog import Catalog, load_catalog
from warehouse.home import Home
from warehouse.registry import load


def build(
    registry: Registry, agreed: Mapping[str, Contract], catalog: Catalog, hub: Hub | None = None
) -> dg.Definitions:
    """The definitions of one registry. A file that cannot be used becomes an asset whose check says why."""
    connectors = list(registry)
    unusable = [broken(connector, error) for connector, error in sorted(registry.broken.items())]
    settle = settled(connectors, agreed, catalog)
    views = [view_key(view) for view in catalog.views.values()]
    drops = file_drops(connectors)
    return dg.Definitions(
        assets=[*(connector_asset(c, agreed[c.dataset]) for c in connectors), settle, *(spec for spec, _ in unusable)],
        asset_checks=[check for _, check in unusable],
        schedules=schedules(connectors, views),
        sensors=[automation(), *([drops] if drops else [])],
        resources={"hub": hub or Hub()},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What this hub has registered, read now: reloading the code location takes in a new connector file."""
    home = Home()
    home.load_env()
    registry = load(home)  # brings the contracts that came with a registration
    return build(registry, contracts(), load_catalog())
