"""Rotating the county key re-keys every stored print: new rows meet the old ones, the past reads the same but for the prints."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.spec import load as load_connector
from hub.cli import main
from pipelines.run import prepare, run
from schemas import privacy
from schemas.errors import ConfigError
from warehouse import keyring
from warehouse.home import Home
from warehouse.store import county_key

PHONE, OTHER = "13800000001", "13900000002"
A, B = "91510999MA7TE5T00T", "915109990000000860"


@pytest.fixture
def put(tmp_path: Path, home: Home) -> Callable[..., None]:
    """Send rows of a department and run it."""
    prepare(home)

    def go(name: str, dataset: str, fields: str, *lines: str) -> None:
        folder, path = tmp_path / name, tmp_path / "connectors" / "utility" / f"{name}.yaml"
        folder.mkdir(exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"title: {name}\ndataset: {dataset}\nsource: {{driver: csv, path: '{folder}/*.csv', settle: 0}}\nload: {{mode: file}}\nfields: {{{fields}}}\n",
            encoding="utf-8",
        )
        (folder / f"{len(list(folder.iterdir()))}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        report = run([load_connector(path)], home)
        assert not report.failures, report.failures

    return go


CONNECTION = (
    "utility_connection",
    "apply_no: 编号, enterprise_name: 用户, utility: 种类, applied_at: 时间, phone_hash: 电话",
    "编号,用户,种类,时间,电话",
)
COMPANY = (
    "enterprise",
    "record_no: 序号, uscc: 代码, name: 名称, status: 状态, updated_at: 变更时间, phone_hash: 电话",
    "序号,代码,名称,状态,变更时间,电话",
)


def rows(home: Home, query: str) -> list[Any]:
    with psycopg.connect(home.database_url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def rotate(home: Home) -> None:
    assert main(["key", "rotate", "--by", "王芳", "--reason", "管理员离任"]) == 0


def test_after_a_rotation_new_rows_meet_the_old_ones(put: Callable[..., None], home: Home, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("register", *COMPANY, f"1,{A},县鑫源商贸有限公司,存续,2026-01-05 09:00:00,{PHONE}")
    put(
        "power",
        *CONNECTION,
        f"B1,县鑫源商贸有限公司,电,2026-03-01 09:00:00,{PHONE}",
        "B2,县宏达建材有限公司,电,2026-03-01 09:00:00,",
    )
    first = county_key(home)
    old = privacy.hmac_hex(first, PHONE)
    places = "SELECT phone_hash FROM record.utility_connection WHERE apply_no IN ('B1', 'B3') UNION ALL SELECT phone_hash FROM shared.enterprise"
    assert rows(home, places) == [(old,), (old,)]
    marks = "SELECT _row_hash::text, _party::text FROM record.utility_connection WHERE apply_no = 'B1'"
    [before], ids = (
        rows(home, marks),
        rows(home, "SELECT enterprise_id FROM shared.utility_connection ORDER BY apply_no"),
    )
    rotate(home)
    rotate(home)
    with psycopg.connect(home.database_url) as connection:
        lines = (home.path / "county.keys").read_text().split()
        connection.rollback()
    assert len(lines) == 2
    assert (home.path / "county.keys").stat().st_mode & 0o077 == 0
    new = old
    for line in lines:
        new = privacy.hmac_hex(bytes.fromhex(line), new)
    put(
        "power",
        *CONNECTION,
        f"B3,县鑫源商贸有限公司,电,2026-03-02 09:00:00,{PHONE}",
        f"B4,县宏达建材有限公司,水,2026-03-02 09:00:00,{OTHER}",
    )
    assert rows(home, places) == [(new,)] * 3
    [after] = rows(home, marks)
    assert set(before).isdisjoint(after)
    assert (
        rows(
            home, "SELECT enterprise_id FROM shared.utility_connection WHERE apply_no IN ('B1', 'B2') ORDER BY apply_no"
        )
        == ids
    )
    assert rows(home, "SELECT enterprise_id FROM shared.utility_connection WHERE apply_no = 'B3'") == ids[:1]
    with psycopg.connect(home.database_url) as connection:
        for schema, table in connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('hub', 'record', 'record_history', 'shared', 'board')"
        ).fetchall():
            told = connection.execute(
                f'SELECT count(*) FROM "{schema}"."{table}" t WHERE strpos(t::text, %s) > 0', [old]
            )  # type: ignore[arg-type]
            assert told.fetchone() == (0,), (schema, table)
    capfd.readouterr()
    assert main(["key", "show", "-o", "json"]) == 0
    assert [(one["generation"], one["by_whom"]) for one in json.loads(capfd.readouterr().out)] == [
        (1, "王芳"),
        (2, "王芳"),
    ]


def test_a_list_sent_again_after_a_rotation_changes_only_what_it_says_otherwise(
    put: Callable[..., None], home: Home
) -> None:
    lines = [
        f"1,{A},县鑫源商贸有限公司,存续,2026-01-05 09:00:00,{PHONE}",
        f"2,{B},县宏达建材有限公司,存续,2026-01-05 09:00:00,{OTHER}",
    ]
    put("register", *COMPANY, *lines)
    ids = "SELECT uscc, enterprise_id FROM shared.enterprise ORDER BY 1"
    before = rows(home, ids)
    rotate(home)
    counts = "SELECT new_rows, changed_rows, unchanged_rows, closed_rows FROM hub.batch ORDER BY batch_id DESC LIMIT 1"
    history = "SELECT count(*) FROM record_history.enterprise"
    put("register", *COMPANY, *lines, "")
    assert rows(home, counts) == [(0, 0, 2, 0)]
    assert rows(home, history) == [(0,)]
    put("register", *COMPANY, lines[0].replace("存续", "注销"), lines[1])
    assert rows(home, counts) == [(0, 1, 1, 0)]
    assert rows(home, history) == [(1,)]
    assert rows(home, ids) == before


def test_a_party_named_again_after_a_rotation_is_the_one_that_was_known(put: Callable[..., None], home: Home) -> None:
    line = "县鑫源商贸有限公司,电,2026-03-01 09:00:00"
    put("power", *CONNECTION, f"B1,{line},{PHONE}", f"B2,{line},", f"B3,{line},{OTHER}")
    known, taken = "SELECT count(*) FROM hub.party", "SELECT apply_no, _party FROM record.utility_connection ORDER BY 1"
    assert rows(home, known) == [(3,)]
    unprinted = dict(rows(home, taken))["B2"]
    rotate(home)
    put("power", *CONNECTION, f"C1,{line},{PHONE}", f"C2,{line},", f"C3,{line},13700000003")
    put("power", *CONNECTION, f"C1,{line},{PHONE}", f"C4,{line},{PHONE}")
    party = dict(rows(home, taken))
    assert rows(home, known) == [(4,)]
    assert party["B1"] == party["C1"] == party["C4"]
    assert party["B2"] == party["C2"] == unprinted
    assert len(set(party.values())) == 4
    assert rows(home, "SELECT count(*) FROM record.utility_connection r LEFT JOIN hub.party p ON p.party = r._party WHERE p.party IS NULL") == [(0,)]  # fmt: skip


def test_the_past_is_the_same_but_for_the_prints_and_a_lost_key_is_told(put: Callable[..., None], home: Home, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("power", *CONNECTION, f"B1,甲,电,2026-03-01 09:00:00,{PHONE}", f"B2,乙,电,2026-03-01 09:00:00,{OTHER}")
    asked = "SELECT apply_no, enterprise_name, phone_hash, quality_status FROM utility_connection ORDER BY 1"
    [(then,)] = rows(home, "SELECT to_char(clock_timestamp() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US')")

    def past() -> list[dict[str, str]]:
        capfd.readouterr()
        assert main(["query", asked, "--as-of", then, "-o", "csv"]) == 0
        return list(csv.DictReader(capfd.readouterr().out.splitlines()))

    was = past()
    rotate(home)
    [key] = (home.path / "county.keys").read_text().split()
    assert past() == [row | {"phone_hash": privacy.hmac_hex(bytes.fromhex(key), row["phone_hash"])} for row in was]
    # A rotation that was cut off before its end leaves a key that is not in force, and the next one takes it.
    with (home.path / "county.keys").open("a") as file:
        file.write("ab" * 32 + "\n")
    put("power", *CONNECTION, f"B3,丙,电,2026-03-02 09:00:00,{PHONE}")
    [(one,), (third,)] = rows(home, "SELECT phone_hash FROM record.utility_connection WHERE apply_no IN ('B1', 'B3')")
    assert one == third
    rotate(home)
    assert (home.path / "county.keys").read_text().split() == [key, "ab" * 32]
    (home.path / "county.keys").unlink()
    with psycopg.connect(home.database_url) as connection, pytest.raises(ConfigError, match="第 1 次更换"):
        keyring.rotate(connection, home, by="王芳", reason="试")
