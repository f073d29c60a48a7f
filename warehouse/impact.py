"""What a connector would do to the warehouse, told before anything is loaded.

The first rows of its source go through the same check as a load and are then compared with the records in one
transaction that is rolled back: nothing of them stays, neither a batch nor a landed file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.drivers import open_driver
from connectors.spec import Connector
from quality.check import Checked, Mapping, check
from schemas.contract import Contract
from warehouse import keyring, store
from warehouse.calendar import workdays
from warehouse.engines.adbc import Connection
from warehouse.home import Home
from warehouse.landing import land
from warehouse.merge import stage
from warehouse.tables import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.drivers.base import Delivery

ROWS = 200_000
_EXAMPLES = 20


@dataclass
class Impact:
    """Rows by what would become of them. `closed` is None where it cannot be known from the rows looked at."""

    delivery: str
    extracted: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    superseded: int = 0  # passed rows that a later one with the same key takes the place of
    conflicting: int = 0  # passed rows whose key another source also gives, with another value in some field
    closed: int | None = None
    complete: bool = True  # False when the source has more rows than were looked at
    others: int = 0  # older deliveries that are waiting too; only the newest was looked at
    by_rule: dict[str, int] = field(default_factory=dict)
    by_field: dict[str, int] = field(default_factory=dict)  # field -> conflicting rows
    refused: list[dict[str, Any]] = field(default_factory=list)  # first refused rows: row, reasons

    def told(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def impact(connector: Connector, agreed: Contract, home: Home, *, rows: int = ROWS) -> Impact | None:
    """The impact of what the source has to give now, of at most `rows` rows; None while it has nothing.

    Raises:
        SourceUnavailable, SourceChanged, ConfigError: the source's side, as in a load.
    """
    from warehouse.load import COUNTY_TIME, workspace

    with workspace(home) as work, Connection(home.database_url) as warehouse:
        driver = open_driver(connector)
        own = warehouse.scalar("SELECT source_id FROM hub.source WHERE connector = $1", connector.id)
        seen = store.seen(warehouse, int(own), store.county_key(home)) if own else ()
        waiting = list(driver.deliveries(None, seen)) or list(driver.deliveries(None, ()))[-1:]
        if not waiting:
            return None
        delivery = waiting[-1]
        cut = _Cut(delivery, rows)
        name = store.delivery_name(delivery.name, store.county_key(home))
        landed = land(cut, work / "landed")
        now = datetime.now(COUNTY_TIME)
        con = store.duckdb_connection(work)
        try:
            mapping = Mapping(
                connector=connector.id, fields=connector.fields, constants=connector.constants, units=delivery.units,
                utc=connector.timezone == "UTC", kind=delivery.kind, lookups=store.lookups(agreed, connector), keys=keyring.in_force(home, warehouse),
                workdays=workdays(warehouse, agreed),
            )  # fmt: skip
            checked = check(con, landed.path, agreed, mapping, now.replace(tzinfo=None), work / "checked")
            found = Impact(
                name, checked.extracted, quarantined=checked.quarantined, superseded=checked.superseded, complete=not cut.more, others=len(waiting) - 1, by_rule=checked.by_rule,
                refused=_refused(con, agreed, checked, landed.path, name),
            )  # fmt: skip
            _compare(con, warehouse, connector, agreed, checked, found, delivery.kind)
        finally:
            with suppress(Exception):
                warehouse.rollback()
            con.close()
    return found


class _Cut:
    """A delivery's first rows."""

    def __init__(self, delivery: Delivery, rows: int) -> None:
        self._delivery, self._rows, self.more = delivery, rows, False

    def batches(self) -> Iterator[pa.RecordBatch]:
        left = self._rows
        for batch in self._delivery.batches():
            if batch.num_rows > left:
                self.more = True
                yield batch.slice(0, left)
                return
            left -= batch.num_rows
            yield batch


def _compare(
    con: Any, warehouse: Connection, connector: Connector, agreed: Contract, checked: Checked, found: Impact, kind: str
) -> None:  # fmt: skip
    passed = checked.passed - checked.superseded
    if warehouse.scalar("SELECT to_regclass($1)::text", f"record.{quoted(agreed.dataset)}") is None:
        found.new = passed
        return
    store.prepare(warehouse, agreed)
    own = warehouse.scalar("SELECT source_id FROM hub.source WHERE connector = $1", connector.id) or 0
    stage(con, warehouse, agreed, checked, source_id=int(own), batch_id=0, kind=kind)
    keys = " AND ".join(f"t.{quoted(k)} = s.{quoted(k)}" for k in agreed.key)
    told = warehouse.rows(
        f"SELECT count(*) FILTER (WHERE t._row_hash IS NULL) AS new, count(*) FILTER (WHERE t._row_hash <> s._row_hash) AS changed, "
        f"count(*) FILTER (WHERE t._row_hash = s._row_hash) AS unchanged FROM stage s "
        f"LEFT JOIN record.{quoted(agreed.dataset)} t ON t._source_id = {int(own)} AND {keys}"
    )[0]
    found.new, found.changed, found.unchanged = int(told["new"]), int(told["changed"]), int(told["unchanged"])
    if kind in {"full", "file_full"} and found.complete:
        held = warehouse.scalar(f"SELECT count(*) FROM record.{quoted(agreed.dataset)} WHERE _source_id = {int(own)}")
        found.closed = int(held) - found.changed - found.unchanged
    given = [f for f in agreed.fields.values() if f.name in {*connector.fields, *connector.constants} and not f.key]
    apart = {f.name: f"o.{quoted(f.name)} <> s.{quoted(f.name)}" for f in given}
    if apart:
        sums = ", ".join(f"count(DISTINCT s.ctid) FILTER (WHERE {c}) AS {quoted(n)}" for n, c in apart.items())
        others = " AND ".join(f"o.{quoted(k)} = s.{quoted(k)}" for k in agreed.key)
        row = warehouse.rows(
            f"SELECT count(DISTINCT s.ctid) FILTER (WHERE {' OR '.join(apart.values())}) AS _all, {sums} "
            f"FROM stage s JOIN record.{quoted(agreed.dataset)} o ON o._source_id <> {int(own)} AND {others}"
        )[0]
        found.conflicting = int(row.pop("_all"))
        found.by_field = {name: int(n) for name, n in row.items() if n}


def _refused(con: Any, agreed: Contract, checked: Checked, landed: Path, delivery: str) -> list[dict[str, Any]]:
    from warehouse import quarantine

    quarantine.collect(con, agreed, checked, landed, delivery)
    if not checked.quarantined:
        return []
    rows = con.execute(f"SELECT row_number, reasons FROM refused ORDER BY _n LIMIT {_EXAMPLES}").fetchall()
    return [
        {"row": row, "reasons": [f"{r['title']}{r['reason']}" for r in json.loads(reasons)]} for row, reasons in rows
    ]
