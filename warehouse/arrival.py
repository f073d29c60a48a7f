"""One delivery on its way: extracted, landed, checked, judged, merged, in one transaction.

What becomes of it is a BatchResult; which deliveries there are, and in what order, is warehouse.load's.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connectors.drivers.base import KEY_TYPE
from connectors.spec import Connector
from quality.check import PART_ROWS, Checked, Checker, Mapping, check
from quality.plan import Plan
from quality.suite import BatchFacts
from schemas.contract import Contract
from schemas.errors import ConfigError, SourceChanged, WarehouseUnavailable
from warehouse import correction, drift, keyring, quarantine, store
from warehouse.ahead import Ahead
from warehouse.calendar import workdays
from warehouse.engines.adbc import Connection
from warehouse.flow import Flow
from warehouse.home import Home
from warehouse.landing import Landed, land
from warehouse.merge import WHOLE, merge

if TYPE_CHECKING:
    import pyarrow as pa

COUNTY_TIME = ZoneInfo("Asia/Shanghai")
STAGES = ("extracted", "landed", "checked", "judged", "merged", "committed")


@dataclass
class BatchResult:
    """What became of one delivery. Counts are rows; seconds are per stage."""

    batch_id: int
    connector: str
    dataset: str
    delivery: str
    kind: str
    status: str  # committed | held | skipped
    extracted: int = 0
    passed: int = 0
    quarantined: int = 0
    repaired: int = 0
    warned: int = 0
    new_rows: int = 0
    changed_rows: int = 0
    unchanged_rows: int = 0
    superseded_rows: int = 0
    closed_rows: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    findings: list[dict[str, str]] = field(default_factory=list)
    verdict: Any = None

    @property
    def touched(self) -> bool:
        """True when the warehouse now differs."""
        return bool(self.new_rows or self.changed_rows or self.closed_rows)


# (contract, checked rows as a pattern of Parquet files, facts, folder for Data Docs) -> a verdict with .blocked and a dict form
Judge = Callable[[Contract, Path, BatchFacts, Path], Any]
Checkpoint = Callable[[str], None]


class workspace:  # noqa: N801 - used as a with-statement word
    """A private work folder under the home, removed with its contents."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "tmp" / f"load-{os.getpid()}-{time.monotonic_ns()}"

    def __enter__(self) -> Path:
        self._path.mkdir(mode=0o700, parents=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


class Arrival:
    """One delivery on its way from its source into the warehouse."""

    def __init__(
        self, connector: Connector, agreed: Contract, home: Home, warehouse: Connection, source_id: int,
        judge: Judge | None, checkpoint: Checkpoint, work: Path,
    ) -> None:  # fmt: skip
        self.connector, self.agreed, self.home, self.warehouse = connector, agreed, home, warehouse
        self.source_id, self.judge, self.checkpoint, self.work = source_id, judge, checkpoint, work
        self.seconds: dict[str, float] = {}
        self.position = store.position(warehouse, source_id, connector)
        self.keys = keyring.in_force(home, warehouse)
        self.releases: int | None = None
        self.note: tuple[str, str] | None = None
        self.known = drift.known(warehouse, source_id)
        self.layout: dict[str, str] | None = None  # the columns of a database's table or an interface, as it was read
        self.sparse = False  # whether a column may be left out and come back
        self.watched = False  # whether a change of the source holds the delivery
        self.earlier: dict[str, Any] | None = (
            None  # the batch of which a whole has every byte, though others came since
        )
        self.con: Any = None  # the DuckDB of this delivery, from its first row on
        self.opening: Future[Any] | None = None  # the same, being made while the source is asked
        self.ahead: Ahead | None = None
        self.flow: Flow | None = None

    def take(self, delivery: Any) -> BatchResult:
        """Extract and land, check meanwhile, then merge."""
        try:
            return self._take(delivery)
        except BaseException:
            self._stop()
            raise
        finally:
            self._close()

    def _take(self, delivery: Any) -> BatchResult:
        self.extracted_at = extracted_at = datetime.now(COUNTY_TIME)
        self.checkpoint("extracted")
        self.watched = delivery.kind != correction.KIND
        if delivery.kind in WHOLE and delivery.content_sha256:
            self.earlier = store.superseded(self.warehouse, self.source_id, delivery.content_sha256)
        pool = ThreadPoolExecutor(max_workers=1)
        self.opening = pool.submit(store.duckdb_connection, self.work)
        pool.shutdown(wait=False)

        def seen(batch: pa.RecordBatch) -> None:
            if batch.num_rows:
                self.flow = self.flow or self._begin(delivery)
                self.flow.put(batch)

        try:
            landed = self._timed("land", lambda: land(delivery, self.home.landing / self.connector.id, seen))
        except (SourceChanged, ConfigError):
            self._stop()
            held = self._unreadable(delivery, extracted_at) if self.watched and self.known else None
            if held is None:
                raise
            return held
        self.checkpoint("landed")
        layout = getattr(delivery, "layout", None)
        self.layout, self.sparse = layout and drift.told(layout), getattr(delivery, "sparse", False)
        findings = [{"code": f.code, "message": f.message} for f in delivery.findings]
        if landed.rows == 0 and delivery.kind in {"cursor", "exchange"}:
            landed.path.unlink(missing_ok=True)
            return BatchResult(
                0,
                self.connector.id,
                self.agreed.dataset,
                self._name(delivery),
                delivery.kind,
                "skipped",
                findings=findings,
                seconds=self.seconds,
            )
        return self._bring_in(
            landed, name=self._name(delivery), kind=delivery.kind, content=delivery.content_sha256,
            position=delivery.position_after(), findings=findings, units=getattr(delivery, "units", None) or {},
        )  # fmt: skip

    def _unreadable(self, delivery: Any, extracted_at: datetime) -> BatchResult | None:
        """Land what can still be read of a delivery that lost columns or all rows, and hold it; None when that is not why."""
        found = drift.readable(self.connector, delivery)
        if found is None or self.known is None:
            return None
        again, columns = found
        landed = self._timed("land", lambda: land(again, self.home.landing / self.connector.id))
        now = drift.told(columns) if columns else drift.landed_columns(landed.path)
        findings = drift.of_columns(self.connector, self.agreed, self.known, now)
        findings += drift.of_rows(delivery.kind, landed.rows, [1]) if not landed.rows else []
        result = BatchResult(
            store.next_batch(self.warehouse), self.connector.id, self.agreed.dataset, self._name(delivery), delivery.kind, "held", landed.rows, landed.rows,
            verdict=drift.verdict(findings), seconds=self.seconds,
        )  # fmt: skip
        store.open_batch(self.warehouse, self.source_id, result, self.agreed)
        store.record_batch(
            self.warehouse, self.source_id, result, agreed=self.agreed, landed=landed, home=self.home, content=delivery.content_sha256, position=None, reading=self.connector.reading,
            extracted_at=extracted_at, units=again.units,
        )  # fmt: skip
        self._tell(findings, result, delivery.content_sha256)
        self.warehouse.commit()
        return result

    def _name(self, delivery: Any) -> str:
        return store.delivery_name(delivery.name, store.county_key(self.home))

    def _tell(self, findings: list[drift.Finding], result: BatchResult, content: str | None) -> None:
        drift.record(
            self.warehouse, self.source_id, findings, delivery=result.delivery, content=content, batch_id=result.batch_id
        )  # fmt: skip

    def again(self, path: Path, row: dict[str, Any]) -> BatchResult:
        """Bring a landed delivery in once more; bookmark and content hash count only for one that was held."""
        held = row["status"] == "held"
        self.releases = row["batch_id"] if held else None
        self.extracted_at = row["extracted_at"].astimezone(COUNTY_TIME)
        try:
            return self._bring_in(
                Landed(path, row["landed_sha256"], row["extracted"]),
                name=row["delivery"],
                kind=row["kind"],
                content=row["content_sha256"] if held else None,
                position=row["position_after"] if held else None,
                findings=[],
                units=json.loads(row["units"] or "{}"),
            )
        except BaseException:
            self._stop()
            raise
        finally:
            self._close()

    def _prepare(self, kind: str) -> None:
        """What the check and the way ahead need; the open transaction is the way's own from its start on."""
        self.con = self.opening.result() if self.opening else store.duckdb_connection(self.work)
        self.past_rows = store.past_rows(self.warehouse, self.source_id, kind)
        self.batch_id = store.next_batch(self.warehouse)
        ahead = Ahead(self.con, self.warehouse, self.agreed, source_id=self.source_id, batch_id=self.batch_id, kind=kind)  # fmt: skip
        self.ahead = ahead if ahead.worthwhile else None

    def _begin(self, delivery: Any) -> Flow:
        """The check of a delivery, from its first rows on: then its units are known."""
        self._prepare(delivery.kind)
        units = getattr(delivery, "units", None) or {}

        def checker(schema: pa.Schema) -> Checker:
            plan = Plan(self.con, self.agreed, self._mapping(delivery.kind, units), schema)
            return Checker(self.con, plan, self.extracted_at.replace(tzinfo=None), self.work / "checked")

        return Flow(checker, self.ahead)

    def _stop(self) -> None:
        """Forget the delivery: nothing is written any more, and what was written is not kept."""
        if self.flow is not None:
            self.flow.stop()
        elif self.ahead is not None:
            self.ahead.stop()
        self.warehouse.rollback()

    def _close(self) -> None:
        con = self.opening.result() if self.opening else self.con
        if con is not None:
            con.close()

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = round(time.perf_counter() - begun, 3)

    def _bring_in(
        self, landed: Landed, *, name: str, kind: str, content: str | None, position: str | None,
        findings: list[dict[str, str]], units: dict[str, str],
    ) -> BatchResult:  # fmt: skip
        if self.flow is None:
            self._prepare(kind)
        con, extracted_at, batch_id = self.con, self.extracted_at, self.batch_id
        checked: Checked = self._timed("check", lambda: self._check(landed, kind, units))
        self.checkpoint("checked")
        findings_of_source, now = self._changes(con, landed, checked, kind, self.past_rows, units)
        facts = BatchFacts(
            connector=self.connector.id,
            dataset=self.agreed.dataset,
            delivery=name,
            kind=kind,
            extracted_at=extracted_at,
            past_rows=self.past_rows,
            refused=checked.bad,
        )
        holding = drift.verdict(findings_of_source)
        verdict = holding if holding.results else self._timed("judge", lambda: self._judge(checked.parquet, facts))
        self.checkpoint("judged")
        result = BatchResult(
            batch_id, self.connector.id, self.agreed.dataset, name, kind, "held" if verdict is not None and verdict.blocked else "committed",
            checked.extracted, checked.passed, checked.quarantined, checked.repaired, checked.warned, by_rule=checked.by_rule,
            superseded_rows=checked.superseded, findings=findings, verdict=verdict, seconds=self.seconds,
        )  # fmt: skip
        self._timed("merge", lambda: self._merge(con, checked, landed, result))
        store.record_batch(
            self.warehouse, self.source_id, result, agreed=self.agreed, landed=landed, home=self.home, content=content,
            position=position, reading=self.connector.reading, extracted_at=extracted_at, units=units,
        )  # fmt: skip
        decided = result.status == "held" or self.releases is not None
        if result.status == "held" and not holding.results:
            findings_of_source.append(drift.judged(verdict))
        if self.watched or decided:
            if result.status == "committed":
                reason = "按批次放行" if self.releases is not None else "来源已恢复"
                decided |= drift.settle(self.warehouse, self.source_id, name, reason)
                drift.remember(self.warehouse, self.source_id, now)
            self._tell(findings_of_source, result, content)
        self.checkpoint("merged")
        if not decided and self._idle(result, position):
            result.status = "skipped"
            self.warehouse.rollback()
            return result
        self.warehouse.commit()
        self.checkpoint("committed")
        return result

    def _changes(
        self, con: Any, landed: Landed, checked: Checked, kind: str, past: Sequence[int], units: dict[str, str]
    ) -> tuple[list[drift.Finding], drift.Known]:
        """What is not as it was agreed, and what the source is like now."""
        found, now = drift.of_values(con, landed.path, checked, self.known)
        now.units = units
        columns = self.layout or (drift.catalogue(self.connector) if self.releases is not None else None)
        told = columns is not None or kind in {"file", "file_full"}  # else the source gave what was asked, and no more
        learnt = True
        if columns is not None and self.sparse:
            before = self.known.columns if self.known is not None else {}
            learnt = any(kind == KEY_TYPE for kind in before.values())  # else only the columns in use were kept
            now.columns = {**before, **columns}
        elif columns is not None:
            now.columns = columns
        elif self.known is not None and not told:
            now.columns = self.known.columns
        if kind in WHOLE:
            now.newest = drift.newest(con, self.agreed, checked)
        if not self.watched or self.known is None:
            return [], now
        changed = drift.of_columns(self.connector, self.agreed, self.known, now.columns) if told and learnt else []
        changed += drift.of_units(self.connector, self.agreed, self.known, units)
        if kind in WHOLE and (self.earlier or drift.aged(self.known, now)):
            with Connection(self.warehouse.url) as aside:
                changed += drift.of_age(con, aside, self.agreed, checked, self.source_id, self.earlier)
        return [*changed, *drift.of_rows(kind, landed.rows, past), *found], now

    def _idle(self, result: BatchResult, position: str | None) -> bool:
        """True when an increment only brought the rows at the bookmark once more: no batch is written for that."""
        if result.kind not in {"cursor", "exchange"} or result.touched or result.quarantined or position is None:
            return False
        # The transaction has moved the bookmark already; what stood before is on this object.
        return position == self.position

    def _check(self, landed: Landed, kind: str, units: dict[str, str]) -> Checked:
        import duckdb

        try:
            return self.flow.finish() if self.flow is not None else self._check_landed(landed, kind, units)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            where = f"质检 {self.connector.id}"
            if "Out of Memory" in str(error):  # from within a stream it comes as an OSError
                raise WarehouseUnavailable(where, "内存不够", "请停掉同时在跑的任务，或给机器加内存，再重跑") from error
            raise WarehouseUnavailable(
                where, "工作目录写不进去", f"请检查 {self.home.path} 所在磁盘的空间后重跑"
            ) from error

    def _check_landed(self, landed: Landed, kind: str, units: dict[str, str]) -> Checked:
        """Check what was landed before, or has no rows."""
        mapping, local = self._mapping(kind, units), self.extracted_at.replace(tzinfo=None)
        folder, ahead = self.work / "checked", self.ahead
        if ahead is None or landed.rows <= PART_ROWS:
            return check(self.con, landed.path, self.agreed, mapping, local, folder)
        ahead.start()
        return check(self.con, landed.path, self.agreed, mapping, local, folder, ahead.add)

    def _judge(self, parquet: Path, facts: BatchFacts) -> Any:
        return (
            None
            if self.judge is None
            else self.judge(self.agreed, parquet, facts, self.home.path / "great_expectations")
        )

    def _merge(self, con: Any, checked: Checked, landed: Landed, result: BatchResult) -> None:
        brought = None
        if self.ahead is not None:
            if not checked.losers and result.status != "held":
                brought = self.ahead.rows()
            if brought is None:
                self.ahead.stop()
        store.open_batch(self.warehouse, self.source_id, result, self.agreed)
        keyring.still(self.warehouse, self.keys)
        if result.status == "held":
            return
        if self.releases is not None:
            store.release(self.warehouse, self.releases)
        quarantine.collect(con, self.agreed, checked, landed.path, result.delivery)
        merged = merge(
            con,
            self.warehouse,
            self.agreed,
            checked,
            source_id=self.source_id,
            batch_id=result.batch_id,
            kind=result.kind,
            delivery=result.delivery,
            opened_on=self.extracted_at.date(),
            ahead=brought,
            note=self.note,
        )
        result.new_rows, result.changed_rows = merged.new, merged.changed
        result.unchanged_rows, result.closed_rows = merged.unchanged, merged.closed

    def _mapping(self, kind: str, units: dict[str, str]) -> Mapping:
        return Mapping(
            connector=self.connector.id, fields=self.connector.fields, constants=self.connector.constants, units=units,
            utc=self.connector.timezone == "UTC", kind=kind, lookups=store.lookups(self.agreed, self.connector), keys=self.keys,
            workdays=workdays(self.warehouse, self.agreed),
        )  # fmt: skip
