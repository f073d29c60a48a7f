"""Registration from a source to a live connector: files with a title above their header, a PostgreSQL table, failures."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest

from hub import new_connector
from pipelines.run import prepare
from pipelines.run import run as go
from schemas.contract import contract
from schemas.errors import ConfigError
from warehouse import registry, wizard
from warehouse.engines.postgresql import Server, free_port
from warehouse.home import Home

HEADER = "回访编号,工单编号,轮次,回访时间,方式,备注"
ROWS = (
    "CB1,GD1,1,2026-03-01 09:00:00,电话,a",
    "CB2,GD2,1,2026-03-01 10:00:00,短信,b",
    "CB3,,1,2026-03-02 09:00:00,短信,c",
)
NAME = "hotline_office/callback_sheet"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "回访.csv"
    path.write_bytes("\n".join(["县热线回访台账,,,,,", "填报单位：县热线办,,,,,", HEADER, *ROWS, ""]).encode("gb18030"))
    return path


def register(home: Home, source: dict[str, object], name: str = NAME, **choices: object) -> wizard.Draft:
    seen = wizard.look(name, source)
    return wizard.propose(name, seen, **choices)  # type: ignore[arg-type]


def test_a_clerk_registers_a_file_and_it_runs_as_foretold(home: Home, sheet: Path) -> None:
    prepare(home)
    source = {"driver": "csv", "path": str(sheet), "settle": 0}
    assert [s.ok for s in wizard.reach(NAME, source)] == [True] * 5
    seen = wizard.look(NAME, source)
    assert [c.name for c in seen.columns] == HEADER.split(",")
    assert len(seen.rows) == 3
    made = wizard.propose(NAME, seen, title="热线回访")
    assert made.document["dataset"] == "hotline_callback"
    assert made.contract is None
    with registry.connect(home) as control:
        kept = registry.save(control, NAME, made.document, by="王芳", contract=made.contract)
        before = control.execute("SELECT count(*) AS n FROM hub.batch").fetchone()
        told = wizard.impact(home, kept)
        assert told is not None
        assert (told.extracted, told.new, told.changed, told.quarantined) == (3, 2, 0, 1)
        assert told.refused[0]["row"] == 6
        after = control.execute(
            "SELECT (SELECT count(*) FROM hub.batch) AS n, (SELECT count(*) FROM hub.source) AS s"
        ).fetchone()
        assert before is not None
        assert after == {"n": before["n"], "s": 0}
        registry.submit(control, kept.registration_id, by="王芳")
        registry.approve(control, kept.registration_id, by="李强")
    assert not list(home.landing.rglob("*.parquet"))
    report = go([registry.load(home).get(NAME)], home)
    assert not report.failures
    assert [(r.extracted, r.new_rows, r.quarantined) for r in report.results] == [(3, 2, 1)]
    sheet.write_bytes(sheet.read_bytes().replace("电话".encode("gb18030"), "短信".encode("gb18030")))
    again = wizard.impact(home, kept)
    assert again is not None
    assert (again.new, again.changed, again.unchanged, again.conflicting) == (0, 1, 1, 0)


def test_what_another_source_says_otherwise_is_a_conflict(home: Home, sheet: Path) -> None:
    prepare(home)
    made = register(home, {"driver": "csv", "path": str(sheet), "settle": 0})
    with registry.connect(home) as control:
        kept = registry.save(control, NAME, made.document, by="王芳")
        registry.submit(control, kept.registration_id, by="王芳")
        registry.approve(control, kept.registration_id, by="李强")
        go([registry.load(home).get(NAME)], home)
        sheet.write_bytes(sheet.read_bytes().replace("电话".encode("gb18030"), "短信".encode("gb18030")))
        rival = registry.save(control, "hotline_office/other", made.document, by="王芳")
    told = wizard.impact(home, rival)
    assert told is not None
    assert (told.new, told.conflicting, told.by_field) == (2, 1, {"method": 1})


def test_a_table_of_a_department_is_proposed_with_its_cursor(home: Home, postgres_server: Server) -> None:
    url = postgres_server.create_database("dept_callback")
    with psycopg.connect(url, autocommit=True) as source:
        source.execute("DROP TABLE IF EXISTS hf")
        source.execute(
            "CREATE TABLE hf (hfbh text, gdbh text, 轮次 int, 回访时间 timestamp, 方式 text, 更新时间 timestamp)"
        )
        source.execute("INSERT INTO hf VALUES ('CB9', 'GD9', 1, '2026-03-01', '电话', '2026-03-02')")
    given = {"driver": "postgresql", "url": url, "table": "hf"}
    kept = wizard.keep_secrets(home, NAME, given)
    assert kept["url"] == "${HUB_SOURCE_HOTLINE_OFFICE_CALLBACK_SHEET_URL}"
    assert url in home.env_file.read_text(encoding="utf-8")
    assert home.env_file.stat().st_mode & 0o777 == 0o600
    steps = list(wizard.reach(NAME, kept))
    assert [s.name for s in steps] == ["resolve", "connect", "login", "read", "list"]
    assert all(s.ok and s.seconds < 10 for s in steps)
    made = register(home, kept, mode="cursor")
    assert made.document["fields"]["callback_id"] == "hfbh"
    with psycopg.connect(url, autocommit=True) as source:
        source.execute("INSERT INTO hf SELECT hfbh, gdbh, 2, 回访时间, 方式, 更新时间 + interval '1 s' FROM hf")
    with registry.connect(home) as control:
        told = wizard.impact(home, registry.save(control, NAME, made.document, by="王芳"))
    assert told is not None
    assert (told.extracted, told.new, told.superseded, told.quarantined) == (2, 1, 1, 0)
    assert made.document["load"] == {"mode": "cursor", "cursor": "更新时间", "lookback": "1h"}


def test_each_failure_is_told_at_its_step(home: Home, postgres_server: Server) -> None:
    url = postgres_server.create_database("dept_steps")
    at = f"postgresql://postgres:x@127.0.0.1:{free_port()}/none"
    for given, step, word in (
        ({"url": "postgresql://a:b@no-such-host.invalid/x"}, "resolve", "找不到主机"),
        ({"url": at}, "connect", "拒绝连接"),
        ({"url": url.replace("dept_steps", "no_such_db")}, "login", "没有数据库"),
        ({"url": url, "table": "no_such_table"}, "read", "没有表"),
    ):
        source = wizard.keep_secrets(home, NAME, {"driver": "postgresql", "table": "t", **given})
        last = list(wizard.reach(NAME, source))[-1]
        assert (last.name, last.ok) == (step, False), last
        assert word in last.message
        assert last.cure
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        last = list(wizard.reach(NAME, {"driver": "http", "url": f"http://127.0.0.1:{quiet.getsockname()[1]}/"}))[-1]
        assert (last.name, last.ok) == ("connect", False)


def test_a_dataset_without_a_contract_gets_a_draft_and_goes_live(home: Home, tmp_path: Path) -> None:
    prepare(home)
    path = tmp_path / "泊位.csv"
    path.write_text(
        "泊位号,路段,启用日期,收费（元）\nB001,一路,2026-01-02,1.5\nB002,二路,2026-01-03,2\n", encoding="utf-8"
    )
    name = "housing/parking_space"
    made = register(home, {"driver": "csv", "path": str(path), "settle": 0}, name, title="停车泊位")
    assert made.contract is not None
    assert made.proposal is None
    with registry.connect(home) as control:
        kept = registry.save(control, name, made.document, by="王芳", contract=made.contract)
        told = wizard.impact(home, kept)
        assert told is not None
        assert (told.new, told.quarantined) == (2, 0)
        registry.submit(control, kept.registration_id, by="王芳")
        registry.approve(control, kept.registration_id, by="李强")
    report = go([registry.load(home).get(name)], home)
    assert not report.failures
    assert report.results[0].new_rows == 2
    assert contract("parking_space").title == "停车泊位"
    with registry.connect(home) as control:
        rows = control.execute("SELECT * FROM shared.parking_space").fetchall()
    assert len(rows) == 2


def test_an_impact_says_how_many_files_wait(home: Home, tmp_path: Path) -> None:
    prepare(home)
    for month in (1, 2):
        (tmp_path / f"{month}.csv").write_text(f"泊位号,路段\nB{month}1,一路\nB{month}2,二路\n", encoding="utf-8")
    name = "housing/parking_space"
    made = register(
        home, {"driver": "csv", "path": f"{tmp_path}/*.csv", "settle": 0, "order": "name"}, name, title="泊位"
    )

    def told() -> tuple[int, int, int]:
        with registry.connect(home) as control:
            found = wizard.impact(home, registry.save(control, name, made.document, by="王芳", contract=made.contract))
        assert found is not None
        return found.new, found.unchanged, found.others

    assert told() == (2, 0, 1)
    with registry.connect(home) as control:
        kept = registry.save(control, name, made.document, by="王芳", contract=made.contract)
        registry.submit(control, kept.registration_id, by="王芳")
        registry.approve(control, kept.registration_id, by="李强")
    assert [r.new_rows for r in go([registry.load(home).get(name)], home).results] == [2, 2]
    assert told() == (0, 2, 0)
    (tmp_path / "3.csv").write_text("泊位号,路段\nB11,三路\nB31,一路\n", encoding="utf-8")
    assert told() == (1, 0, 0)  # one row of another is new, one changed
    (result,) = go([registry.load(home).get(name)], home).results
    assert (result.new_rows, result.changed_rows) == (1, 1)


def test_a_dataset_that_does_not_exist_is_told_with_the_nearest_and_how_to_begin_one(home: Home, sheet: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        new_connector._check_dataset("hotline_tickets")
    assert "hotline_ticket'" in caught.value.cure
    assert "--new-dataset" in caught.value.cure
