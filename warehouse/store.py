"""The hub's own books in the warehouse: sources, batches, cursors; and the DuckDB a load works in."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.spec import Connector
from schemas import macros, privacy, reference
from schemas.contract import Contract
from schemas.errors import WarehouseUnavailable
from schemas.reference import Lookup, spelled
from warehouse import migrations, tables, versions
from warehouse.engines.adbc import Connection
from warehouse.home import Home
from warehouse.landing import Landed

if TYPE_CHECKING:
    from warehouse.load import BatchResult

# Bounded memory whatever the delivery's size: DuckDB spills to the work folder past this.
_DUCKDB_MEMORY = "400MB"


def prepare(warehouse: Connection, contract: Contract) -> None:
    """Make sure control tables and the dataset's tables are as this version of the code and contract want them."""
    migrations.ensure(warehouse)
    fingerprint = _fingerprint(contract)
    if warehouse.scalar("SELECT fingerprint FROM hub.dataset WHERE dataset = $1", contract.dataset) != fingerprint:
        warehouse.execute("SELECT pg_advisory_xact_lock(20252)")
        for statement in _ddl(contract):
            warehouse.execute(statement)
        warehouse.execute(
            "INSERT INTO hub.dataset VALUES ($1, $2, $3, $4, $5) ON CONFLICT (dataset) DO UPDATE SET title = EXCLUDED.title, "
            "domain = EXCLUDED.domain, contract_version = EXCLUDED.contract_version, fingerprint = EXCLUDED.fingerprint",
            contract.dataset, contract.title, contract.domain, contract.version, fingerprint,
        )  # fmt: skip
    warehouse.commit()


def _ddl(contract: Contract) -> list[str]:
    return [*tables.record_ddl(contract), *tables.shared_view_ddl(contract), *versions.version_view_ddl(contract)]


def _fingerprint(contract: Contract) -> str:
    shape = [contract.title, contract.version, *_ddl(contract)]
    return hashlib.sha256("\n".join(shape).encode()).hexdigest()[:16]


def source_id(warehouse: Connection, connector: Connector) -> int:
    """The small number that stands for a connector on every row it brought."""
    found = warehouse.scalar("SELECT source_id FROM hub.source WHERE connector = $1", connector.id)
    if found is None:
        department = reference.departments().get(connector.dept)
        warehouse.execute(
            "INSERT INTO hub.source (connector, dataset, department, provider_dept_code, title) VALUES ($1, $2, $3, $4::text, $5) "
            "ON CONFLICT (connector) DO NOTHING",
            connector.id, connector.dataset, connector.dept, department.dept_code if department else None, connector.title,
        )  # fmt: skip
        found = warehouse.scalar("SELECT source_id FROM hub.source WHERE connector = $1", connector.id)
    warehouse.commit()
    return int(found)


def take_turn(warehouse: Connection, source: int, connector: str) -> None:
    """Hold the source for this session: two loads of it at once could move its cursor backwards.

    Raises:
        WarehouseUnavailable: another run holds it.
    """
    if not warehouse.scalar(f"SELECT pg_try_advisory_lock(20251, {source})"):
        raise WarehouseUnavailable(connector, "另一个任务正在装载这个来源", "等它结束后再运行")
    warehouse.commit()


def position(warehouse: Connection, source: int, connector: Connector) -> str | None:
    """Where the last committed delivery ended; None before the first, and when the connector reads something else since."""
    found = warehouse.scalar(
        f"SELECT position FROM hub.cursor WHERE source_id = {source} AND coalesce(reading, $1) = $1", connector.reading
    )
    warehouse.commit()
    return None if found is None else str(found)


@dataclass(frozen=True)
class Seen:
    """Which bytes of files were taken in or held: a sha256, or a file's name and sha256 apart by a blank where that very
    file has come with other bytes since. Put back as it was, it is new. So is the sha256 of a ledger that other bytes have
    followed, behind «@» and a Unix time after the last file came.
    """

    loaded: frozenset[str]
    replaced: frozenset[str]
    key: bytes
    followed: frozenset[str]
    last_at: float

    def __contains__(self, asked: object) -> bool:
        name, _, sha256 = str(asked).rpartition(" ")
        if name.startswith("@"):
            return sha256 in self.followed and float(name[1:]) > self.last_at
        return f"{delivery_name(name, self.key)} {sha256}" in self.replaced if name else sha256 in self.loaded


def seen(warehouse: Connection, source: int, key: bytes) -> Seen:
    """What files of a source were taken in or held; `key` is the county's, under which the books name some of them."""
    found = warehouse.rows(
        "SELECT delivery, content_sha256, bool_or(last) AS last, max(batch_id) FILTER (WHERE status = 'committed') AS batch_id, "
        "extract(epoch FROM max(extracted_at))::float8 AS at FROM ("
        "SELECT delivery, content_sha256, status, batch_id, extracted_at, batch_id = max(batch_id) OVER (PARTITION BY delivery) AS last FROM hub.batch "
        f"WHERE source_id = {source} AND content_sha256 IS NOT NULL AND status IN ('committed', 'held', 'rejected')) b GROUP BY 1, 2"
    )
    warehouse.commit()
    committed = sorted((row["batch_id"], row["content_sha256"]) for row in found if row["batch_id"] is not None)
    return Seen(
        frozenset(row["content_sha256"] for row in found),
        frozenset(f"{row['delivery']} {row['content_sha256']}" for row in found if not row["last"]),
        key,
        frozenset(sha256 for _, sha256 in committed) - {sha256 for _, sha256 in committed[-1:]},
        max((row["at"] for row in found), default=0.0),
    )


def superseded(warehouse: Connection, source: int, content: str) -> dict[str, Any] | None:
    """The batch that brought these bytes before others of the source took their place: batch_id, delivery, day; None without one."""
    found = warehouse.rows(
        f"SELECT batch_id, delivery, (extracted_at AT TIME ZONE 'Asia/Shanghai')::date::text AS day FROM hub.batch b WHERE source_id = {source} "
        "AND content_sha256 = $1 AND status = 'committed' AND EXISTS (SELECT FROM hub.batch n WHERE n.source_id = b.source_id AND n.batch_id > b.batch_id "
        "AND n.status = 'committed' AND n.content_sha256 <> b.content_sha256) ORDER BY batch_id DESC LIMIT 1",
        content,
    )
    warehouse.commit()
    return found[0] if found else None


def receipts(warehouse: Connection, source: int, repeated: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """Note files that were put there again after they were taken in, as deliveries that brought nothing new.

    Only the content that came last counts: last year's file put back is no report. One row per receipt: batch_id,
    delivery, kind. A file that has lain there since it was taken in leaves none, and none leaves two.

    Args:
        warehouse: the hub's.
        source: whose files they are.
        repeated: sha256 of each, and when it was put there (Unix time).
    """
    made = []
    for sha256, put_at in repeated:
        made += warehouse.rows(
            "WITH last AS (SELECT * FROM hub.batch WHERE source_id = $1 AND content_sha256 IS NOT NULL AND status = 'committed' "
            "ORDER BY batch_id DESC LIMIT 1), told AS (SELECT max(extracted_at) AS at FROM hub.batch WHERE source_id = $1 AND content_sha256 = $2::text) "
            "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, content_sha256, contract_version, extracted_at, extracted, passed, "
            "quarantined, repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
            "SELECT source_id, last.dataset, delivery, kind, 'skipped', $2::text, contract_version, greatest(to_timestamp($3::float8), clock_timestamp()), "
            "0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM last, told WHERE content_sha256 = $2::text AND to_timestamp($3::float8) > told.at "
            "RETURNING batch_id, delivery, kind",
            source, sha256, put_at,
        )  # fmt: skip
    warehouse.commit()
    return made


def past_rows(warehouse: Connection, source: int, kind: str) -> list[int]:
    """Extracted rows of up to twelve past committed deliveries of this kind, newest first."""
    found = warehouse.query(
        f"SELECT extracted FROM hub.batch WHERE source_id = {source} AND kind = $1 AND status = 'committed' ORDER BY batch_id DESC LIMIT 12",
        kind,
    )
    warehouse.commit()
    return [int(n) for n in found.column(0).to_pylist()]


def landed(warehouse: Connection, source: int, batches: set[int] | None) -> list[dict[str, Any]]:
    """Landed deliveries of a source, oldest first: all committed ones, or the named ones, held ones among them."""
    rows = warehouse.rows(
        "SELECT batch_id, delivery, kind, status, landed_path, landed_sha256, content_sha256, position_after, extracted, extracted_at, units "
        f"FROM hub.batch WHERE source_id = {source} AND status IN ('committed', 'held') AND landed_path IS NOT NULL ORDER BY batch_id"
    )
    warehouse.commit()
    return [row for row in rows if (row["status"] == "committed" if batches is None else row["batch_id"] in batches)]


def release(warehouse: Connection, batch: int) -> None:
    """Note that a person has let a held delivery in; part of the transaction that brings it in."""
    warehouse.execute(f"UPDATE hub.batch SET status = 'released' WHERE batch_id = {batch}")


def next_batch(warehouse: Connection) -> int:
    """A number for a batch that is about to be; numbers of batches that came to nothing are not used again."""
    return int(warehouse.scalar("SELECT nextval(pg_get_serial_sequence('hub.batch', 'batch_id'))"))


def open_batch(warehouse: Connection, source: int, result: BatchResult, agreed: Contract) -> None:
    """Write the batch's row with the counts known before the merge; quarantine rows refer to it."""
    warehouse.execute(
        "INSERT INTO hub.batch (batch_id, source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, "
        "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
        f"VALUES ({result.batch_id}, {source}, $1, $2, $3, $4, $5, clock_timestamp(), {result.extracted}, {result.passed}, {result.quarantined}, "
        f"{result.repaired}, {result.warned}, 0, 0, 0, {result.superseded_rows}, 0)",
        result.dataset, result.delivery, result.kind, result.status, agreed.version,
    )  # fmt: skip


def record_batch(
    warehouse: Connection, source: int, result: BatchResult, *, agreed: Contract, landed: Landed, home: Home, content: str | None,
    position: str | None, reading: str, extracted_at: datetime, units: dict[str, str],
) -> None:  # fmt: skip
    """Complete the batch's row and move the cursor, in the transaction that moved the rows."""
    verdict = result.verdict
    told = json.dumps(
        asdict(verdict) if is_dataclass(verdict) and not isinstance(verdict, type) else None,
        ensure_ascii=False,
        default=str,
    )
    warehouse.execute(
        f"UPDATE hub.batch SET new_rows = {result.new_rows}, changed_rows = {result.changed_rows}, unchanged_rows = {result.unchanged_rows}, "
        f"closed_rows = {result.closed_rows}, landed_path = $1, landed_sha256 = $2, content_sha256 = $3::text, position_after = $4::text, "
        "findings = $5::text::jsonb, verdict = nullif($6::text, 'null')::jsonb, seconds = $7::text::jsonb, extracted_at = $8::text::timestamptz, units = $9 "
        f"WHERE batch_id = {result.batch_id}",
        str(landed.path.relative_to(home.landing)), landed.sha256, content, position, json.dumps(result.findings, ensure_ascii=False),
        told, json.dumps(result.seconds), extracted_at.isoformat(), json.dumps(units, ensure_ascii=False),
    )  # fmt: skip
    if position is not None and result.status == "committed":
        warehouse.execute(
            f"INSERT INTO hub.cursor VALUES ({source}, $1, {result.batch_id}, $2) ON CONFLICT (source_id) DO UPDATE "
            "SET position = EXCLUDED.position, batch_id = EXCLUDED.batch_id, reading = EXCLUDED.reading",
            position, reading,
        )  # fmt: skip


def duckdb_connection(work: Path) -> Any:
    """A DuckDB with the macros, spilling into `work`."""
    import duckdb

    con = duckdb.connect(
        config={
            "memory_limit": _DUCKDB_MEMORY,
            "temp_directory": str(work / "spill"),
            "preserve_insertion_order": False,
            "threads": os.cpu_count() or 2,
            "arrow_lossless_conversion": True,  # UUIDs leave as 16 bytes, as COPY wants them
        }
    )
    macros.install(con)
    return con


def lookups(contract: Contract, connector: Connector) -> dict[str, Lookup]:
    """Spelling -> canonical code for every code set the contract's fields use, and for departments.

    A spelling that passed from one to another (reorganised, recoded, revised) has its codes with their dates.
    """
    found: dict[str, Lookup] = {}
    for f in contract.fields.values():
        if f.kind == "code_set" and f.code_set and f.name in connector.fields:
            code_set = reference.code_sets()[f.code_set]
            found[f.code_set] = {**code_set.spellings(), **code_set.spans()}
        if f.kind == "department":
            found["department"] = {**reference.department_spellings(), **reference.department_spans()}
    for name, spellings in connector.codes.items():
        f = contract.fields[name]
        own: Lookup = {spelled(said): str(code) for said, code in spellings.items()}
        found[str(f.code_set or "department")] = found.get(str(f.code_set or "department"), {}) | own
    return found


def delivery_name(name: str, key: bytes) -> str:
    """How the books call a delivery: a file named after a person's number has it masked, and a keyed print that keeps it apart.

    '张三13800000000.csv' -> '张三138****0000.csv#5c1f09'
    """
    shown = privacy.scrub(name) or name
    return name if shown == name else f"{shown}#{(privacy.hmac_hex(key, name) or '')[:6]}"


def county_key(home: Home) -> bytes:
    """The county's HMAC key: HUB_SECRET_COUNTY_KEY, else a file of the home made at first use (mode 0600)."""
    if key := os.environ.get("HUB_SECRET_COUNTY_KEY"):
        return hashlib.sha256(key.encode()).digest()
    file = home.path / "county.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    return bytes.fromhex(file.read_text().strip())
