"""One connector's deliveries through the data path, one after another.

No Dagster here and nothing heavy at import: the scheduler, the command line and the near-real-time poller all
call `load`. Each delivery is one transaction; what was committed before a failure stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from connectors.drivers import open_driver
from connectors.spec import Connector
from quality.suite import BatchFacts
from schemas.contract import contract
from schemas.errors import ConfigError, HubError
from warehouse import correction, drift, store
from warehouse.arrival import COUNTY_TIME, STAGES, Arrival, BatchResult, Checkpoint, Judge, workspace
from warehouse.engines.adbc import Connection
from warehouse.home import Home

__all__ = [
    "COUNTY_TIME", "STAGES", "BatchFacts", "BatchResult", "Checkpoint", "Judge", "load", "replay", "resubmit", "summary", "workspace",
]  # fmt: skip


def load(
    connector: Connector,
    home: Home,
    *,
    judge: Judge | None = None,
    checkpoint: Checkpoint = lambda stage: None,
    url: str | None = None,
    backfill: tuple[str, str] | None = None,
    from_start: bool = False,
) -> list[BatchResult]:
    """Take in all that the source has to give now; one result per delivery, none when there is nothing new.

    `backfill` asks instead for the rows whose cursor lies between two values (the second excluded); the bookmark
    stays where it is. `from_start` reads as if nothing had been read before; the bookmark then is where that read ends.

    Raises:
        SourceUnavailable, SourceChanged, ConfigError: the source's side; earlier deliveries stay committed.
        WarehouseUnavailable: the hub's side.
    """
    agreed = contract(connector.dataset)
    results = []
    with Connection(url or home.database_url) as warehouse:
        store.prepare(warehouse, agreed)
        source_id = store.source_id(warehouse, connector)
        store.take_turn(warehouse, source_id, connector.id)
        driver = open_driver(connector)
        driver.workspace = home.path / "sweeps"
        try:
            if backfill is not None:
                driver.backfill(*backfill)
            seen = store.seen(warehouse, source_id, store.county_key(home))
            position = None if from_start else store.position(warehouse, source_id, connector)
            for delivery in driver.deliveries(position, seen):
                with workspace(home) as work:
                    taken = Arrival(connector, agreed, home, warehouse, source_id, judge, checkpoint, work)
                    results.append(taken.take(delivery))
                if results[-1].status == "committed":
                    driver.acknowledge(delivery)
        except HubError as error:
            error.done = tuple(results)
            warehouse.rollback()
            drift.visit(warehouse, source_id, home.today(), problem=str(error))
            raise
        again = store.receipts(warehouse, source_id, driver.repeated)
        note = [{"code": "same_file", "message": "又送来与上次相同的文件，记为收到，没有新数据"}]
        results += [
            BatchResult(r["batch_id"], connector.id, agreed.dataset, r["delivery"], r["kind"], "skipped", findings=note)
            for r in again
        ]
        fresh = any(r.status != "skipped" for r in results)
        drift.visit(warehouse, source_id, home.today(), delivered=fresh or bool(again))
    return results


def replay(
    connector: Connector, home: Home, batches: Iterable[int] | None = None, *, judge: Judge | None = None
) -> list[BatchResult]:
    """Check and merge landed deliveries again, oldest first, without asking the source.

    Each is read by the layout of its day. Committed ones move no bookmark. A held one, which has to be named, is let in
    unjudged: a person has looked at it.

    Raises:
        ConfigError: a landed file is gone (its retention has passed).
    """
    from warehouse import registry

    agreed = contract(connector.dataset)
    results = []
    with Connection(home.database_url) as warehouse:
        store.prepare(warehouse, agreed)
        source_id = store.source_id(warehouse, connector)
        store.take_turn(warehouse, source_id, connector.id)
        layouts = registry.layouts(warehouse, connector.id)
        for row in store.landed(warehouse, source_id, None if batches is None else set(batches)):
            path = home.landing / row["landed_path"]
            if not path.exists():
                raise ConfigError(
                    f"{connector.id}：批次 {row['batch_id']}", "落地文件已不在", "已过保留期的批次不能重放，请缩小范围"
                )
            with workspace(home) as work:
                held = row["status"] == "held"
                day = row["extracted_at"].astimezone(COUNTY_TIME).date()
                of_its_day = registry.as_of(layouts, connector, day, drift.landed_columns(path))
                taken = Arrival(
                    of_its_day, agreed, home, warehouse, source_id, None if held else judge, lambda stage: None, work
                )
                results.append(taken.again(path, row))
    return results


def resubmit(
    connector: Connector, home: Home, order: int, mended: Sequence[correction.Mended], *, by: str, reason: str
) -> BatchResult:
    """Judge rows of a correction order again, as their department has mended them, and merge those that pass.

    The same rules decide as at first; the rows keep the place in their file. Every row of `mended` is the order's.
    """
    agreed = contract(connector.dataset)
    with Connection(home.database_url) as warehouse:
        store.prepare(warehouse, agreed)
        source_id = store.source_id(warehouse, connector)
        store.take_turn(warehouse, source_id, connector.id)
        delivery = correction.delivery(warehouse, order, mended)
        with workspace(home) as work:
            taken = Arrival(connector, agreed, home, warehouse, source_id, None, lambda stage: None, work)
            taken.note = (by, reason)
            return taken.take(delivery)


def summary(results: Iterable[BatchResult]) -> dict[str, int]:
    """Sums over several deliveries, for messages and metadata."""
    names = (
        "extracted",
        "passed",
        "quarantined",
        "repaired",
        "warned",
        "new_rows",
        "changed_rows",
        "unchanged_rows",
        "closed_rows",
    )
    rows = [asdict(r) for r in results if r.status != "skipped"]
    return {name: sum(row[name] for row in rows) for name in names}
