"""The warehouse as analysts meet it: tables as the contracts say, enterprises resolved, golden values with their source."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from connectors.spec import Connector
from connectors.spec import load as load_connector
from pipelines.run import prepare, run
from warehouse import metadata
from warehouse.engines.postgresql import SESSION_BYTES, Server
from warehouse.home import Home

_NUMBER = count()
FIELDS = ("record_no", "uscc", "reg_no", "name", "status", "reg_address", "legal_rep_hash", "legal_rep_masked")
A, B = "91510999MA7TE5T00T", "91510999000000860Q"


def test_no_session_takes_the_machines_memory(postgres_server: Server) -> None:
    """Whatever a role sets for itself: its statement ends, its session and everybody else's go on."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        pid = connection.info.backend_pid
        assert re.search(rf"Max data size\s+{SESSION_BYTES}\s", Path(f"/proc/{pid}/limits").read_text())
        connection.execute("SET work_mem = '64GB'")
        with pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute("SELECT array_agg(repeat('x', 1000000)) FROM generate_series(1, 2000)")
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.info.backend_pid == pid


@pytest.fixture
def source(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    url = postgres_server.create_database(f"registers_{next(_NUMBER)}")
    monkeypatch.setenv("HUB_SOURCE_REGISTER", url)
    return url


def register(folder: Path, dept: str, table: str) -> Connector:
    path = folder / dept / f"{table}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = "{record_no: register_no, uscc: uscc, reg_no: reg_no, name: name, status: status, reg_address: address, legal_rep_hash: rep, legal_rep_masked: rep}"
    path.write_text(
        f"title: 登记\ndataset: enterprise\nsource: {{driver: postgresql, url: '${{HUB_SOURCE_REGISTER}}', table: public.{table}}}\n"
        f"load: {{mode: full}}\nfields: {fields}\n",
        encoding="utf-8",
    )
    return load_connector(path)


def fill(source: str, table: str, rows: list[tuple[str | None, ...]]) -> None:
    with psycopg.connect(source) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(
            f"CREATE TABLE {table} (register_no text, uscc text, reg_no text, name text, status text, address text, rep text)"
        )
        connection.cursor().executemany(f"INSERT INTO {table} VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)


def test_tables_are_what_the_metadata_says(home: Home, database: str) -> None:
    prepare(home)
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    found = inspect(engine)
    for table in metadata.shared().tables.values():
        columns = {c["name"] for c in found.get_columns(table.name, "shared")}
        assert columns == {c.name for c in table.columns}, table.name
    engine.dispose()


def test_enterprise_identity_and_golden_record(home: Home, source: str, tmp_path: Path, database: str) -> None:
    prepare(home)
    market, tax = register(tmp_path, "market_supervision", "market"), register(tmp_path, "tax", "tax")
    fill(source, "market", [
        ("1", A, "510999000000010", "示例县鑫源商贸有限公司", "存续", None, "张三"),
        ("2", B, None, "示例县宏达建材有限公司", "存续", "城东路1号", "李四"),
    ])  # fmt: skip
    fill(source, "tax", [
        ("T1", A.lower(), None, "示例县鑫源商贸有限责任公司", None, "人民路9号", "张三"),  # same code, other name: one enterprise
        ("T2", None, "510999000000010", "鑫源商贸", None, None, None),  # the old number alone
        ("T3", None, None, "示例县　宏达建材有限公司", None, None, "李四"),  # a name and the same representative
        ("T4", None, None, "示例县宏达建材有限公司", None, None, "王五"),  # a name alone links nothing
        ("T5", A, None, "示例县鑫源商贸有限公司城东分公司", None, None, None),  # a branch under its parent's code
    ])  # fmt: skip
    run([tax, market], home)
    with psycopg.connect(database) as connection:
        links = dict(connection.execute("SELECT source_pk, match_rule FROM shared.enterprise_record r JOIN record.enterprise e ON e.record_no = r.source_pk "
                                        "JOIN hub.party p ON p.party = e._party").fetchall())  # fmt: skip
        ids = dict(connection.execute("SELECT source_pk, enterprise_id FROM shared.enterprise_record").fetchall())
        golden = {
            r[0]: r[1:]
            for r in connection.execute(
                "SELECT uscc, name, reg_address, status, field_sources FROM shared.enterprise"
            ).fetchall()
        }
    assert ids["1"] == ids["T1"] == ids["T2"]
    assert ids["2"] == ids["T3"]
    assert ids["T4"] is None
    assert ids["T5"] is None
    assert links["T5"] == "branch_conflict"
    assert set(golden) == {A, B}
    name, address, status, told = golden[A]
    assert (name, status) == ("示例县鑫源商贸有限公司", "存续")  # the owner's word before all others
    assert address == "人民路9号"  # the owner says nothing on it: a blank never erases
    assert told["address"]["source"] == "tax/tax"


def test_ids_are_the_same_after_another_order_and_a_rerun(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    prepare(home)
    market, tax = register(tmp_path, "market_supervision", "market"), register(tmp_path, "tax", "tax")
    fill(source, "market", [("1", A, None, "示例县鑫源商贸有限公司", "存续", None, None)])
    fill(source, "tax", [("T1", A, None, "示例县鑫源商贸有限公司", None, None, None)])
    run([market], home)
    with psycopg.connect(database) as connection:
        before = connection.execute("SELECT enterprise_id FROM shared.enterprise").fetchall()
    run([tax, market], home)
    run([market, tax], home)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT enterprise_id FROM shared.enterprise").fetchall() == before
